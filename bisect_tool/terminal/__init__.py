"""The live view, and the one place that writes to the terminal."""
