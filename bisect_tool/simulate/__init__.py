"""Measure cost and accuracy: run the real search on commit ranges whose culprit is known. Runs no test."""
