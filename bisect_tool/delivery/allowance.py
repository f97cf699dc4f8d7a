"""How many posts a night may still make.

That something is fixed is no such post: it ends one of an earlier night, so that there are no more of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Allowance:
    """The posts that are left, and how many were held back for want of one."""

    left: int
    held_back: int = 0

    def take(self) -> bool:
        """Whether one more post may be made; it then counts."""
        if self.left:
            self.left -= 1
            return True
        self.held_back += 1
        return False
