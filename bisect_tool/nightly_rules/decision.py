"""The decisions about a cell, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.reason import Reason


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of a cell's conclusive runs failed."""

    failed: int
    runs: int


@dataclass(frozen=True, slots=True)
class KnownTrials:
    """How many runs of a cell passed at a commit, and how many failed with the exception in question."""

    cell: CellKey
    commit: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Runs:
    """How many runs to start at a commit."""

    commit: str
    number: int


@dataclass(frozen=True, slots=True)
class Bisect:
    """Find the culprit in (good, bad]; cells with one exception and one range share this decision.

    Attributes:
        good: empty if it has to be found among the commits before `bad`.
        trials: all known runs of these cells, inside and outside of the range, oldest first per cell.
    """

    reason: Reason
    good: str
    bad: str
    cells: tuple[CellKey, ...]
    exception: str
    trials: tuple[KnownTrials, ...]


@dataclass(frozen=True, slots=True)
class Rerun:
    """Run the cell again at these commits, if possible not on the agents to avoid."""

    reason: Reason
    runs: tuple[Runs, ...]
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Decide later."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to do.

    Attributes:
        culprit: the known culprit of a red cell, or of a cell that was fixed.
        candidates: the commits of which one is the culprit, if the culprit is not known.
        since: the first commit known to have the state of the newest one: red, or fixed.
        rate: for a flaky cell, or one that sometimes passes since its culprit.
        last_red: for a fixed cell, the last commit at which it failed.
    """

    reason: Reason
    culprit: str = ""
    since: str = ""
    rate: Rate | None = None
    candidates: tuple[str, ...] = ()
    last_red: str = ""


Decision = Bisect | Rerun | Wait | Nothing
