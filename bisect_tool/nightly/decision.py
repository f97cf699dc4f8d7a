"""What can be decided about a cell; data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.nightly.reason import Reason
    from bisect_tool.sources.observation import CellKey


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a cell failed, of its conclusive runs."""

    failed: int
    runs: int


@dataclass(frozen=True, slots=True)
class KnownTrials:
    """The runs of a cell at a commit that passed, and that failed with the exception in question."""

    cell: CellKey
    commit: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Runs:
    """How many runs are wanted at a commit."""

    commit: str
    number: int


@dataclass(frozen=True, slots=True)
class Bisect:
    """Find the culprit in (good, bad]; cells with one exception and one range share this decision.

    Attributes:
        good: empty if it has to be found among the commits before `bad`.
        trials: all that is known of these cells, inside the range and outside of it, oldest first per cell.
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
        culprit: the known culprit of what is red, or was until it was fixed.
        candidates: the commits of which one is the culprit, if only that is known.
        since: the first commit that is known to be as the newest one is: red, or fixed.
        rate: of a flaky cell, or of one that passes at times since its culprit.
        last_red: of a cell that was fixed, the last commit at which it failed.
    """

    reason: Reason
    culprit: str = ""
    since: str = ""
    rate: Rate | None = None
    candidates: tuple[str, ...] = ()
    last_red: str = ""


Decision = Bisect | Rerun | Wait | Nothing
