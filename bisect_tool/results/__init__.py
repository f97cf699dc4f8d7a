"""The document of a session: its models, and how it is composed from what the trials yielded."""
