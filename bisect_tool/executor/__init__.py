"""Runs trials in slots; knows nothing of search."""
