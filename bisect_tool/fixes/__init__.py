"""Fix candidates: reverts, patches and cherry-picks applied to a failing commit."""
