"""Disk usage: the size of each part of the data directory, and what `prune` removes from it."""
