"""In which order bisections are run: those that explain most for their cost come first. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.nightly.decision import Bisect

_TRIALS_BESIDE = 5
"""Trials that do not narrow the range: of its ends, of the culprit and of its parent."""


@dataclass(frozen=True)
class Queued:
    """A bisection to run.

    Attributes:
        watch: the name of the watch that wants it.
        commits: the number of commits in its range.
        trial_s: how long a trial of the watch takes, in seconds.
    """

    watch: str
    bisect: Bisect
    commits: int
    trial_s: float

    @property
    def value(self) -> float:
        """Red cells for an expected second."""
        trials = math.log2(max(self.commits, 1)) + _TRIALS_BESIDE
        return len(self.bisect.cells) / (trials * max(self.trial_s, 1.0))


def in_order(bisections: Iterable[Queued]) -> tuple[Queued, ...]:
    """The bisections, the most valuable first; equal ones by watch and range."""
    return tuple(sorted(bisections, key=lambda one: (-one.value, one.watch, one.bisect.bad, one.bisect.good)))
