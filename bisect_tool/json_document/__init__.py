"""The JSON document of a session: its models, and how it is composed from the trials."""
