"""The search beside its peers: `python -m benchmarks.search`."""
