"""Measurements of bisect-run: see README.md."""
