"""The real search played on ranges whose culprit is known."""
