"""The first-parent history that observations are placed in, and ranges of it."""

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
    """The commits of a branch, oldest first; of each culprit that was reverted, the commit that did it."""

    commits: tuple[str, ...]
    reverts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The position of each commit."""
        return {commit: number for number, commit in enumerate(self.commits)}

    def position(self, commit: str) -> int:
        """The position of a commit; of an older one -1."""
        return self.positions.get(commit, BEFORE)

    def full_id(self, abbreviated: str) -> str:
        """The only commit whose id begins so, or empty."""
        found = [commit for commit in self.commits if commit.startswith(abbreviated)]
        return found[0] if len(found) == 1 else ""

    def before(self, commit: str) -> str:
        """The commit before this one, or empty."""
        position = self.position(commit)
        return self.commits[position - 1] if position > 0 else ""


@dataclass(frozen=True, slots=True)
class Span:
    """The positions after `good`, up to and with `bad`."""

    good: int
    bad: int

    def overlaps(self, other: Span) -> bool:
        """Whether a commit is in both."""
        return max(self.good, other.good) < min(self.bad, other.bad)

    def __contains__(self, position: int) -> bool:
        return self.good < position <= self.bad
