"""Deliver the result of a night: files, issues, comments, messages and annotations."""
