"""From log text to events, failure chain, signature and verdict: pure."""
