"""Accuracy and speed of evidence: known logs, collectors' prefixes, generated failures."""
