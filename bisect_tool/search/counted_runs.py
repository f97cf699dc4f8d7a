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

    def __add__(self, other: Count) -> Count:
        """Both together."""
        return Count(self.failed + other.failed, self.passed + other.passed)


NO_RUNS = Count()
