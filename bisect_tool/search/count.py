"""The runs of a cell at one commit, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """How often a cell failed and passed at one commit."""

    failed: int = 0
    passed: int = 0

    @property
    def total(self) -> int:
        """All conclusive runs."""
        return self.failed + self.passed
