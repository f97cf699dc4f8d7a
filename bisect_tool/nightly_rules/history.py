"""The first-parent history of a branch, and ranges of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BEFORE = -1
"""The position of every commit older than the history."""


@dataclass(frozen=True)
class History:
    """The commits of a branch, oldest first; `reverts` has the commit that reverted each culprit."""

    commits: tuple[str, ...]
    reverts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The position of each commit."""
        return {commit: number for number, commit in enumerate(self.commits)}

    def position(self, commit: str) -> int:
        """Return the position of a commit; `BEFORE` for one outside the history."""
        return self.positions.get(commit, BEFORE)

    def full_id(self, abbreviated: str) -> str:
        """Return the commit with this abbreviated id; empty if there is none, or several."""
        found = [commit for commit in self.commits if commit.startswith(abbreviated)]
        return found[0] if len(found) == 1 else ""

    def predecessor(self, commit: str) -> str:
        """Return the commit before this one, or empty."""
        position = self.position(commit)
        return self.commits[position - 1] if position > 0 else ""


@dataclass(frozen=True, slots=True)
class Span:
    """The positions after `good`, up to and including `bad`."""

    good: int
    bad: int

    def overlaps(self, other: Span) -> bool:
        """Whether the spans have a position in common."""
        return max(self.good, other.good) < min(self.bad, other.bad)

    def __contains__(self, position: int) -> bool:
        return self.good < position <= self.bad
