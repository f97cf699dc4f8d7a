"""Situations reported by users of bisect tools, each with its right answer."""
