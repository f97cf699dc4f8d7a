"""Other tools, each made to solve the same problems."""
