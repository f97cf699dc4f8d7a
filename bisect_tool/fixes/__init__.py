"""Fix candidates: reverts, patches and picks on a failing commit."""
