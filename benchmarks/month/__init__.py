"""A month of nights over the reference engine's history: is every regression found, and nothing else?"""
