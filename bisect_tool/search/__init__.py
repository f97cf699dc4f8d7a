"""Which commits to try next, when to stop, how sure: pure, without I/O, clock or git."""
