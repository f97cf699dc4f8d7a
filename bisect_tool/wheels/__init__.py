"""Use the wheels that a project publishes for every commit: choose, download, cache."""
