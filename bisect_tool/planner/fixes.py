"""The planner of `fixes`: run the failing commit, then each fix candidate on it, then combinations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.ddmin import minimal_subset
from bisect_tool.planner.fix_evaluation import CellStatus, FixEvaluation
from bisect_tool.planner.planner import infrastructure_failures
from bisect_tool.planner.types import FixGoal, Purpose, State, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.trial.result import TrialResult

COMBINATIONS = 24
"""The most combinations to run."""


class _MissingCommitError(Exception):
    """The commit of a combination does not exist yet."""

    def __init__(self, parts: frozenset[int]) -> None:
        self.parts = parts


class _MissingRunError(Exception):
    """A commit has to run again."""

    def __init__(self, sha: str) -> None:
        self.sha = sha


@dataclass(frozen=True)
class Smallest:
    """The smallest set of candidates that fixes every cell.

    `cut`: the search stopped at `COMBINATIONS` combinations, so a smaller set may exist.
    """

    parts: frozenset[int]
    cut: bool = False


class _Oracle:
    """Answers from the trials whether a combination fixes all cells; raises if a run is missing.

    The search restarts after every trial, so it needs no state.
    """

    def __init__(self, evaluation: FixEvaluation) -> None:
        self._evaluation = evaluation
        self._commits = {commit.parts: commit.sha for commit in evaluation.goal.fix_commits}
        self._tried: set[str] = set()
        self.cut = False

    def applies(self, parts: frozenset[int]) -> bool:
        if parts not in self._commits:
            raise _MissingCommitError(parts)
        return bool(self._commits[parts])

    def fixes_all(self, parts: frozenset[int]) -> bool:
        if not self._within_limit(parts) or not self.applies(parts):
            return False
        sha, evaluation = self._commits[parts], self._evaluation
        statuses = [evaluation.status(sha, cell) for cell in evaluation.red]
        if CellStatus.FAILS in statuses or CellStatus.INCONCLUSIVE in statuses:
            return False
        if CellStatus.OPEN in statuses:
            raise _MissingRunError(sha)
        return True

    def _within_limit(self, parts: frozenset[int]) -> bool:
        """Whether the limit of combinations allows this one; single candidates have run already."""
        if len(parts) > 1:
            name = ",".join(map(str, sorted(parts)))
            self.cut |= len(self._tried | {name}) > COMBINATIONS
            if not self.cut:
                self._tried.add(name)
            return name in self._tried
        return True


@dataclass(frozen=True)
class FixesPlanner:
    """Runs the failing commit, then each fix candidate on it, then combinations."""

    goal: FixGoal

    @property
    def failing(self) -> tuple[str, ...]:
        """The failing commit."""
        return (self.goal.bad,)

    def decide(self, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
        """The next run; `State.wanted` are the candidates whose combination has to be committed first."""
        return decide_fixes(self.goal, trials, running)

    def current_state(self, trials: Sequence[TrialResult]) -> State:
        """The state after these runs."""
        return self.decide(trials)

    def conclude_early(self, trials: Sequence[TrialResult]) -> State:
        """The state after these runs, with none to follow."""
        return replace(self.decide(trials), step=None, stopped=True)

    def with_extra_retries(self, trials: Sequence[TrialResult]) -> FixesPlanner:
        """Return the planner of a resumed session, which retries trials lost to the machine."""
        return replace(
            self, goal=replace(self.goal, retries=self.goal.retries + infrastructure_failures(trials))
        )

    def with_environments(self, *_: object) -> FixesPlanner:
        """Return itself: environments do not affect the order of runs."""
        return self


def decide_fixes(goal: FixGoal, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
    """The next run: the failing commit until it fails, each candidate alone, then combinations.

    `State.wanted` names the candidates of a combination whose commit has to be made first.
    """
    evaluation = FixEvaluation(goal, trials)
    shas, wanted = _next_commits(evaluation)
    in_progress = [step.sha for step in running]
    idle = [sha for sha in shas if sha not in in_progress]
    busy = [sha for sha in shas if evaluation.missing(sha) > in_progress.count(sha)]
    sha = next(iter((*idle, *busy)), None)
    left = sum(evaluation.missing(sha) for sha in shas)
    if sha is None:
        return State(None, (), (), left, over=not running and not wanted, wanted=wanted)
    # The first run shows which cells there are.
    cells = evaluation.with_prerequisites(evaluation.left(sha)) if evaluation.cells else None
    step = Step(sha, cells, Purpose.BAD_END if sha == goal.bad else Purpose.FIX)
    return State(step, (), (), left)


def smallest_fix(evaluation: FixEvaluation) -> Smallest | None:
    """The smallest set of candidates that fixes every cell; None if there is none, or trials are missing."""
    try:
        return _search(evaluation)
    except (_MissingCommitError, _MissingRunError):
        return None


def _next_commits(evaluation: FixEvaluation) -> tuple[list[str], frozenset[int]]:
    """The commits to run now, the most urgent first; else the candidates to combine into a commit."""
    goal = evaluation.goal
    alone = list(dict.fromkeys((*evaluation.candidates.values(), *goal.verify)))
    if alone and evaluation.left(goal.bad):
        return [goal.bad], frozenset()
    unfinished = [sha for sha in alone if evaluation.red and evaluation.left(sha)]
    return (unfinished, frozenset()) if unfinished else _combination(evaluation)


def _combination(evaluation: FixEvaluation) -> tuple[list[str], frozenset[int]]:
    if not evaluation.red:
        return [], frozenset()
    try:
        found = _search(evaluation)
    except _MissingCommitError as error:
        return [], error.parts
    except _MissingRunError as error:
        return [error.sha], frozenset()
    return (_unfinished(evaluation, found.parts) if found else []), frozenset()


def _unfinished(evaluation: FixEvaluation, parts: frozenset[int]) -> list[str]:
    """The commit of the combination found, if other cells still have to run at it."""
    return [
        commit.sha
        for commit in evaluation.goal.fix_commits
        if commit.parts == parts and evaluation.left(commit.sha)
    ]


def _search(evaluation: FixEvaluation) -> Smallest | None:
    """Find a single candidate that fixes all; else minimise a fixing set by delta debugging.

    The first set are those that each fix a cell, since others are probably useless; the second, all that
    apply together: a candidate that conflicts alone may apply once a later change is reverted.
    """
    single = next((part for part, sha in evaluation.candidates.items() if evaluation.fixes_all(sha)), None)
    if single is not None:
        return Smallest(frozenset({single}))
    oracle = _Oracle(evaluation)
    useful = [part for part, sha in evaluation.candidates.items() if evaluation.fixed(sha)]
    everything = [
        part for commit in evaluation.goal.fix_commits for part in commit.parts if len(commit.parts) == 1
    ]
    for parts in (useful, everything):
        combination = _applying(oracle, parts)
        if len(combination) > 1 and oracle.fixes_all(frozenset(combination)):
            return Smallest(minimal_subset(combination, oracle.fixes_all), oracle.cut)
    return None


def _applying(oracle: _Oracle, parts: Sequence[int]) -> list[int]:
    """Return all of them if they apply together; else add each that applies together with those before."""
    if len(parts) < 2 or oracle.applies(frozenset(parts)):
        return list(parts)
    kept: list[int] = []
    for part in parts:
        if oracle.applies(frozenset((*kept, part))):
            kept.append(part)
    return kept
