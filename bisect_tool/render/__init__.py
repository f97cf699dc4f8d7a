"""A finished or running session as text: console and Markdown. Reads results only."""
