"""Render a document as a terminal report, Markdown, HTML, JUnit XML, a chat message or CI annotations.

Reads `results` only, never the store.
"""
