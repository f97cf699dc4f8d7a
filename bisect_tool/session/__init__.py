"""Sessions: the stored request, its trials, and the loop that runs them."""
