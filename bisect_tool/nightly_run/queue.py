"""Order the bisections of a night by expected value for their cost. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.nightly_rules.decision import Bisect

_TRIALS_BESIDE = 5
"""Trials beside those that narrow the range: of the ends, the culprit and its parent."""


@dataclass(frozen=True)
class Queued:
    """A bisection to run.

    Attributes:
        watch: the name of its watch.
        commits: the number of commits in its range.
        trial_s: the expected duration of a trial, in seconds.
    """

    watch: str
    bisect: Bisect
    commits: int
    trial_s: float

    @property
    def value(self) -> float:
        """Failing cells per expected second."""
        trials = math.log2(max(self.commits, 1)) + _TRIALS_BESIDE
        return len(self.bisect.cells) / (trials * max(self.trial_s, 1.0))


def in_order(bisections: Iterable[Queued]) -> tuple[Queued, ...]:
    """Return the bisections, most valuable first; ties in order of watch and range."""
    return tuple(sorted(bisections, key=lambda one: (-one.value, one.watch, one.bisect.bad, one.bisect.good)))
