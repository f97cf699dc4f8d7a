"""What a planner is about, what it asks for, and what it ends with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.search.prior import Suspicion, weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.evidence import Failure
    from bisect_tool.search import Bisection, Dag
    from bisect_tool.search.prior import Change
    from bisect_tool.search.relands import Landing
    from bisect_tool.verdict import Verdict


class Purpose(StrEnum):
    """Why a trial is run."""

    BAD_END = "bad end"
    GOOD_END = "good end"
    NARROW = "narrow"
    CONFIRM = "confirm"
    ISOLATED = "isolated"
    ORDER = "order"
    REPEAT = "repeat"
    FIX = "fix"


class Finding(StrEnum):
    """How the search for one cell's culprit ended."""

    CULPRIT = "culprit"
    SUSPECT = "suspect"
    CANDIDATES = "candidates"
    GREEN = "green"
    ALWAYS_RED = "always red"
    FLAKY = "flaky"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Repeat:
    """The same at these commits so many times; `until_fail`: no run begins after one that failed."""

    shas: tuple[str, ...]
    runs: int
    until_fail: bool = False


@dataclass(frozen=True)
class FixCommit:
    """Candidates for a fix, by number, put together on the failing commit; no `sha` if they conflict."""

    parts: frozenset[int]
    sha: str


@dataclass(frozen=True)
class Goal:
    """What is to be found out, and how.

    Attributes:
        dag: The commits of the range.
        goods: The ends outside the range; they pass, or fail still where a fix is looked for.
        bad: The end in the range; it fails, or passes again where a fix is looked for.
        endpoint_runs: Runs of the failing end in which a cell has to fail, or else it counts as green.
        retries: How often a commit is tried again whose trial the machine spoiled.
        confidence: How sure an answer has to be.
        fix: The first good commit is looked for, not the first bad one.
        slots: Trials that can run side by side.
        changes: What each commit changes, for a prior; none, and all are suspect alike.
        paths: Files and folders that matter to what is tested.
        landings: The commits of changes that were reverted or landed again, as their messages or files say.
        announced: Those of them of which the messages say it.
        environments: The environment that each commit needs, where one has to be built.
        cached: The environments that are there already.
        repeat: What `repro` repeats; nothing is searched for then.
        grafts: Candidates for a fix, and those of their combinations that were put together so far.
        verify: Commits of which it is asked whether they are healed.
        by_exit_code: The check is a command, and every failure is the one that is looked for.
        grouped: Cells with the same first parameter run in a process of their own in CI.
        only: The cells that are to be healed, each with those that have to run before it; none: every cell.
    """

    dag: Dag
    goods: tuple[str, ...]
    bad: str
    endpoint_runs: int = 2
    retries: int = 1
    confidence: float = 0.95
    fix: bool = False
    slots: int = 1
    changes: tuple[Change, ...] = ()
    paths: tuple[str, ...] = ()
    landings: Mapping[str, Landing] = field(default_factory=dict)
    announced: Mapping[str, Landing] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    cached: frozenset[str] = frozenset()
    repeat: Repeat | None = None
    fix_commits: tuple[FixCommit, ...] = ()
    verify: tuple[str, ...] = ()
    by_exit_code: bool = False
    grouped: bool = True
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def suspicions(self, frames: frozenset[str]) -> tuple[Suspicion, ...]:
        """How suspect each commit is before any run, given the files in the failure's frames."""
        if frames not in self._weighed:
            self._weighed[frames] = weights(self.changes, self.paths, sorted(frames))
        return self._weighed[frames]

    @cached_property
    def _weighed(self) -> dict[frozenset[str], tuple[Suspicion, ...]]:
        return {}

    @cached_property
    def searches(self) -> dict[tuple[frozenset[str], tuple[tuple[str, Verdict], ...], bool], Bisection]:
        """The searches that were begun: by the files in the failure's frames, what the runs said, and how."""
        return {}

    @property
    def failing(self) -> tuple[str, ...]:
        """The ends at which the cells fail."""
        return self.goods if self.fix else (self.bad,)

    @property
    def passing(self) -> tuple[str, ...]:
        """The ends at which they pass."""
        return (self.bad,) if self.fix else self.goods


@dataclass(frozen=True)
class Step:
    """The next trial: `cells` None runs every cell that was asked for."""

    sha: str
    cells: tuple[str, ...] | None
    purpose: Purpose


@dataclass(frozen=True)
class EndCounts:
    """Runs of a cell at one end: how many passed or failed, and how many failed (with any signature)."""

    runs: int
    failed: int


@dataclass(frozen=True)
class OtherFailure:
    """How a command failed at the commit found, and how it does at the failing end, where these differ."""

    found: str
    failing_end: str


@dataclass(frozen=True)
class CellConclusion:
    """What the trials say of one cell.

    `candidates` holds what is left (one sha for a culprit), `probabilities` the chance of each of them, and
    `confidence` how sure the finding is; both are left out where the finding does not rest on chance.
    `skipped` are the commits that told nothing, with the reason; `failure` is the evidence at the culprit,
    else at the failing end. `rates` are P(fail | bad) and P(fail | good), as they were learnt, and `broken`
    counts the runs at the commits that have the culprit. Where the
    cell fails only after others, `after` are the fewest of them, in their order. A culprit is no more than
    suspect where it fails in another way than the failing end (`other_failure`), or failed only by deadlines
    that were missed while the machine was `busy`, by this measure, or where the check may not see what it
    changes (`unseen`). `otherwise`: at a passing end it fails, too, but in another way.
    """

    cell: str
    finding: Finding
    good: EndCounts
    bad: EndCounts
    culprit: str | None = None
    candidates: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    confidence: float | None = None
    rates: tuple[float, float] | None = None
    broken: EndCounts | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    after: tuple[str, ...] = ()
    other_failure: OtherFailure | None = None
    busy: str = ""
    unseen: bool = False
    otherwise: bool = False
    note: str = ""


@dataclass(frozen=True)
class Belief:
    """What is thought of an open cell: the likeliest commits, and the chance that there is no culprit."""

    cell: str
    top: tuple[tuple[str, float], ...]
    flaky: float
    confidence: float


@dataclass(frozen=True)
class State:
    """Where the planner stands.

    `step` is the trial to begin now; without one the planner is over, or waits for trials that are running.
    `stopped`: it could go on, but a budget is used up.
    `remaining` are the commits left for any open cell: those that no run speaks against. Where the runs of
    a cell disagree (`disagreement` says how) they are those of which one is the first bad one at the asked
    confidence, and become more with a run that contradicts.
    `steps_left` is about how many trials are left, 0 where nobody can say.
    `likely` are commits of which one will probably be tried next: their builds may be prepared.
    `wanted` are candidates for a fix that have to be put together before it can go on.
    """

    step: Step | None
    conclusions: tuple[CellConclusion, ...]
    remaining: tuple[str, ...]
    steps_left: int
    over: bool = False
    stopped: bool = False
    likely: tuple[str, ...] = ()
    beliefs: tuple[Belief, ...] = ()
    wanted: frozenset[int] = frozenset()
    disagreement: str = ""
