"""What repeated runs of a cell at both ends of the range say, before any search."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable


class EndState(StrEnum):
    """What both ends together say about a cell; only a RED one has a commit to search for."""

    RED = "red"
    GREEN = "green"
    FLAKY = "flaky"
    INVERTED = "inverted"
    ALWAYS_RED = "always red"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Runs:
    """How often a cell was good, bad and skipped at one end."""

    good: int = 0
    bad: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Self:
        """Count verdicts."""
        count = Counter(verdicts)
        return cls(count[Verdict.GOOD], count[Verdict.BAD], count[Verdict.SKIP])


@dataclass(frozen=True)
class Endpoints:
    """The runs of a cell at the good end and at the bad end."""

    good_runs: Runs
    bad_runs: Runs

    @classmethod
    def of(cls, good: Iterable[Verdict], bad: Iterable[Verdict]) -> Self:
        """Count the verdicts of both ends."""
        return cls(Runs.of(good), Runs.of(bad))

    @property
    def state(self) -> EndState:
        """What the ends say. Skipped runs say nothing; an end with nothing else is unknown."""
        ends = (self.good_runs, self.bad_runs)
        if any(end.good and end.bad for end in ends):
            return EndState.FLAKY
        if any(not end.good and not end.bad for end in ends):
            return EndState.UNKNOWN
        table = {
            (False, True): EndState.RED,
            (False, False): EndState.GREEN,
            (True, False): EndState.INVERTED,
            (True, True): EndState.ALWAYS_RED,
        }
        return table[self.good_runs.bad > 0, self.bad_runs.bad > 0]
