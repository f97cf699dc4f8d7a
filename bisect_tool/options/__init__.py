"""Command-line options: parse, validate and resolve them into a request."""
