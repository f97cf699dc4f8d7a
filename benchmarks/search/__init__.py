"""The search compared with its peers: `python -m benchmarks.search`."""
