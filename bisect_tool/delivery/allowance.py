"""Count the remaining posts of a night.

Reports of fixes are not counted: there is at most one for each post of an earlier night.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Allowance:
    """The number of posts left, and of posts held back by the limit."""

    left: int
    held_back: int = 0

    def take(self) -> bool:
        """Count a post; returns False if none is left."""
        if self.left:
            self.left -= 1
            return True
        self.held_back += 1
        return False
