"""A session: what was asked, its store, and the loop that runs its trials."""
