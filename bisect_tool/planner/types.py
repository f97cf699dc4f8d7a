"""Data types of the planners: the goal (input), steps and states (output), and per-cell conclusions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from bisect_tool.planner.reported_names import ReportedNames
from bisect_tool.search.earlier_runs import NO_EARLIER_RUNS
from bisect_tool.search.prior import Suspicion, weights, with_culprits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.evidence import Failure
    from bisect_tool.search import Bisection, Dag
    from bisect_tool.search.earlier_runs import EarlierRuns
    from bisect_tool.search.prior import Change
    from bisect_tool.search.relands import Landing
    from bisect_tool.verdict import Verdict


INFRASTRUCTURE_RETRIES: Final = 1
"""How often a trial is retried at a commit after the infrastructure failed, in all modes."""


class Purpose(StrEnum):
    """Why a trial is run; the values are part of the JSON document."""

    BAD_END = "bad end"
    GOOD_END = "good end"
    NARROW = "narrow"
    CONFIRM = "confirm"
    ISOLATED = "isolated"
    ORDER = "order"
    REPEAT = "repeat"
    FIX = "fix"


class Finding(StrEnum):
    """How the search for one cell's culprit ended; the values are part of the JSON document."""

    CULPRIT = "culprit"
    SUSPECT = "suspect"
    CANDIDATES = "candidates"
    GREEN = "green"
    ALWAYS_RED = "always red"
    FLAKY = "flaky"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class FixCommit:
    """Fix candidates, by number, applied together on the failing commit; `sha` is empty if they conflict."""

    parts: frozenset[int]
    sha: str


@dataclass(frozen=True)
class SearchKey:
    """The inputs of a search; cells with equal inputs share it.

    Attributes:
        frames: The files in the failure's traceback.
        verdicts: The runs of the cell, as (sha, verdict), in the order in which they ended.
        earlier: Runs observed elsewhere.
        several: Whether it failed in different ways.
        culprits: The culprits of other cells.
    """

    frames: frozenset[str]
    verdicts: tuple[tuple[str, Verdict], ...]
    earlier: EarlierRuns
    several: bool
    culprits: frozenset[str]


@dataclass(frozen=True)
class Goal:
    """The goal and settings of a bisection; a step is one without `goods`.

    Attributes:
        dag: The commits of the range.
        goods: The ends outside the range: good commits; with `fix`, commits that still fail.
        bad: The end inside the range: the bad commit; with `fix`, the one that passes again.
        endpoint_runs: Runs at the failing end before a cell that never failed counts as passing.
        retries: How often a commit is retried after infrastructure failures.
        confidence: Probability at which a conclusion is final, between 0 and 1.
        fix: Search the first good commit instead of the first bad one.
        slots: Trials that can run in parallel.
        changes: What each commit changes, for the prior; if empty, the prior is uniform.
        paths: Files and folders that the tested code depends on, for the prior.
        landings: Reverted and relanded changes, by commit, according to messages or file contents.
        announced: The subset of `landings` that commit messages state.
        environments: The environment of each commit that needs a build, by sha.
        cached: The environments that are built already.
        downloads: The commits whose build uses a published wheel, and compiles nothing.
        by_exit_code: The check is a command, and any failure counts, whatever its signature.
        grouped: Cells with the same first parameter run in one process of their own in CI.
        selects_cells: A trial can run some of the cells only, so that order dependence can be examined.
        earlier: Runs observed elsewhere, by the name of the cell there: evidence of its failure rates.
        only: The cells that are asked for, by their names in reports: of the others, those that failed before
            the range are not searched. All are, if it is empty or names one that did not run at the failing
            end.
    """

    dag: Dag
    goods: tuple[str, ...]
    bad: str
    endpoint_runs: int = 2
    retries: int = INFRASTRUCTURE_RETRIES
    confidence: float = 0.95
    fix: bool = False
    slots: int = 1
    changes: tuple[Change, ...] = ()
    paths: tuple[str, ...] = ()
    landings: Mapping[str, Landing] = field(default_factory=dict)
    announced: Mapping[str, Landing] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    cached: frozenset[str] = frozenset()
    downloads: frozenset[str] = frozenset()
    by_exit_code: bool = False
    grouped: bool = True
    selects_cells: bool = True
    earlier: Mapping[str, EarlierRuns] = field(default_factory=dict)
    only: frozenset[str] = frozenset()

    def earlier_runs(self, cell: str) -> EarlierRuns:
        """Return the runs of a cell that were observed elsewhere."""
        if not self.earlier:
            return NO_EARLIER_RUNS
        if cell not in self._reported:
            self._reported[cell] = self.earlier.get(self._names.of(cell), NO_EARLIER_RUNS)
        return self._reported[cell]

    @cached_property
    def _names(self) -> ReportedNames:
        return ReportedNames(self.earlier)

    @cached_property
    def _reported(self) -> dict[str, EarlierRuns]:
        return {}

    def suspicions(self, frames: frozenset[str]) -> tuple[Suspicion, ...]:
        """Prior weight of each commit, given the files in the failure's traceback; cached."""
        if frames not in self._weighed:
            self._weighed[frames] = weights(self.changes, self.paths, sorted(frames))
        return self._weighed[frames]

    @cached_property
    def _weighed(self) -> dict[frozenset[str], tuple[Suspicion, ...]]:
        return {}

    def prior(self, frames: frozenset[str], culprits: frozenset[str]) -> Mapping[str, float]:
        """The weight of each commit for a cell, given the traceback's files and the culprits of other cells.

        Empty without priors: then all commits are alike.
        """
        alone = {each.sha: each.weight for each in self.suspicions(frames)}
        return with_culprits(alone, culprits)

    @cached_property
    def searches(self) -> dict[SearchKey, Bisection]:
        """Cache of searches."""
        return {}

    @property
    def failing(self) -> tuple[str, ...]:
        """The ends at which the cells have to fail."""
        return self.goods if self.fix else (self.bad,)

    @property
    def passing(self) -> tuple[str, ...]:
        """The ends at which the cells have to pass."""
        return (self.bad,) if self.fix else self.goods


@dataclass(frozen=True)
class ReproGoal:
    """Run the same cells `runs` times at each of these commits; `until_fail` stops at the first failure.

    A commit is given up when its runs without a result exceed those with one by more than `retries`.
    """

    shas: tuple[str, ...]
    runs: int
    until_fail: bool = False
    retries: int = INFRASTRUCTURE_RETRIES


@dataclass(frozen=True)
class FixGoal:
    """Find the fewest fix candidates that make the cells pass which fail at a commit.

    Attributes:
        bad: The failing commit.
        fix_commits: The fix candidates, and the combinations made so far, each as a commit.
        verify: Commits at which it is checked whether the failing cells pass.
        runs: Runs without a failure before a cell counts as passing.
        retries: How often a commit is retried after infrastructure failures.
        only: The cells to evaluate, each with its prerequisites; if empty, all cells.
    """

    bad: str
    fix_commits: tuple[FixCommit, ...] = ()
    verify: tuple[str, ...] = ()
    runs: int = 2
    retries: int = INFRASTRUCTURE_RETRIES
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """The next trial; `cells` None runs every cell that the request selects."""

    sha: str
    cells: tuple[str, ...] | None
    purpose: Purpose


@dataclass(frozen=True)
class EndCounts:
    """Runs of a cell that passed or failed, and how many of them failed, with any signature."""

    runs: int
    failed: int


@dataclass(frozen=True)
class OtherFailure:
    """One line each for two different failures of a command: at the commit found and at the failing end."""

    found: str
    failing_end: str


@dataclass(frozen=True)
class CellConclusion:
    """The conclusion for one cell.

    Attributes:
        cell: The cell's id.
        finding: How its search ended.
        good: Runs at the passing ends.
        bad: Runs at the failing ends.
        culprit: The commit found.
        candidates: The commits left; one for a culprit.
        probabilities: The posterior probability of each candidate; empty if the finding is not statistical.
        confidence: The probability that the finding is right; None if it is not statistical.
        rates: P(fail | bad commit) and P(fail | good commit), as estimated.
        broken: Runs at the commits that contain the culprit.
        skipped: The commits without a result, each as (sha, reason).
        failure: Evidence of the failure at the culprit, else at the failing end.
        prerequisites: The fewest cells that must run before it to make it fail, in order.
        other_failure: The culprit fails differently from the failing end, so it is only a suspect.
        busy: The load measure, if the culprit failed only by deadlines missed under load (only a suspect).
        without_tests: The check ran no test where it passed, next to the culprit (only a suspect).
        hidden_failures: The check passed next to the culprit, although its output reports the same failed
            tests (only a suspect).
        unseen: The check may not see what the culprit changes (only a suspect).
        fails_differently: The cell fails at a passing end, but in another way.
        note: A remark for the report.
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
    prerequisites: tuple[str, ...] = ()
    other_failure: OtherFailure | None = None
    busy: str = ""
    without_tests: bool = False
    hidden_failures: bool = False
    unseen: bool = False
    fails_differently: bool = False
    note: str = ""


@dataclass(frozen=True)
class Belief:
    """The posterior of an open cell: (sha, probability) of likely commits; `flaky` is P(no culprit)."""

    cell: str
    top: tuple[tuple[str, float], ...]
    flaky: float
    confidence: float


@dataclass(frozen=True)
class State:
    """A planner's answer: the trial to start, what is concluded, and what is left.

    Attributes:
        step: The trial to start now; None if the search is over or has to wait for running trials.
        conclusions: The cells that are decided.
        remaining: The commits left for any open cell, ancestors first. If a cell's runs contradict each
            other, a credible set at the requested confidence; a run can add some back.
        steps_left: Estimated number of trials left; 0 if unknown.
        over: Nothing is left to run, and nothing is running.
        stopped: A budget is used up; the session can be resumed.
        likely: Commits of which one will probably run next, so that their builds can start early.
        beliefs: The posteriors of the open cells.
        wanted: Numbers of the fix candidates that must be combined into a commit before the next step.
        disagreement: How the runs of a cell contradict each other; empty if they do not.
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
