"""Live progress, and the one module that writes to stdout and stderr."""
