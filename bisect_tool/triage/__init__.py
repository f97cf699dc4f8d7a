"""Extract the commit range, suspects and fixes from an issue or build page.

Pure, except `fetch` and `resolve`.
"""
