"""Measure cost and accuracy: run the real search on commit ranges with a known culprit. Runs no tests."""
