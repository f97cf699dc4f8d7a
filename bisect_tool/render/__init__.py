"""Render a document as a terminal report, Markdown, HTML, JUnit XML, a chat message or CI annotations.

Reads `json_document` only, never the store.
"""
