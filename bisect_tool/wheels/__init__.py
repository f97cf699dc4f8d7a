"""Wheels that are published for each commit: which one a build uses, its download, and their cache."""
