"""The repository of the reference engine's bundled history."""
