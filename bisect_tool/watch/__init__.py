"""A watch of `nightly`: what it observed, what it runs, and what it found."""
