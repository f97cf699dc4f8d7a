"""Run the real search on ranges with a known culprit."""
