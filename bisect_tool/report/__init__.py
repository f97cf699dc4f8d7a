"""Views of a finished or running session."""
