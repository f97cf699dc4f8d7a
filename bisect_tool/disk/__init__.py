"""What a home holds on disk: its size by parts, and what `prune` removes."""
