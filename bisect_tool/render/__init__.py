"""Render a document as text for a terminal or as Markdown; reads `results` only, never the store."""
