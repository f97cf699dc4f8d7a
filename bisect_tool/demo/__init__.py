"""Build the git repository of the reference engine's bundled history."""
