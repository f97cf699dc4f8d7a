"""Situations that people report about bisect tools, each with its right answer."""
