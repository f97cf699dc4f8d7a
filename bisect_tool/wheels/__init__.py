"""Per-commit wheels, which a project publishes for every commit: choose one, download it, cache it."""
