"""The planner of `repro`: run the same cells N times at one commit, or at two in turn, and count failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.planner.planner import infrastructure_failures
from bisect_tool.planner.types import Purpose, State, Step
from bisect_tool.verdict import CONCLUSIVE, RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner.types import ReproGoal
    from bisect_tool.trial.result import TrialResult


@dataclass(frozen=True)
class Tally:
    """Conclusive runs of a cell at one commit, and how many of them failed.

    `signatures` has (signature, count), the most frequent first; `seconds` the duration of each failing run;
    `inconclusive` the reason why there is no conclusive run, if known.
    """

    runs: int
    failed: int
    signatures: tuple[tuple[str, int], ...]
    seconds: tuple[float, ...]
    inconclusive: str = ""


@dataclass(frozen=True)
class ReproPlanner:
    """Runs every commit of the goal equally often."""

    goal: ReproGoal

    @property
    def failing(self) -> tuple[str, ...]:
        """The commit whose failure is reproduced."""
        return self.goal.shas[:1]

    def decide(self, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
        """Return the state with the next run."""
        return decide_repro(self.goal, trials, running)

    def current_state(self, trials: Sequence[TrialResult]) -> State:
        """The state after these runs."""
        return self.decide(trials)

    def conclude_early(self, trials: Sequence[TrialResult]) -> State:
        """The state after these runs, with none to follow."""
        return replace(self.decide(trials), step=None, stopped=True)

    def with_extra_retries(self, trials: Sequence[TrialResult]) -> ReproPlanner:
        """Return the planner of a resumed session, which retries trials lost to the machine."""
        return replace(
            self, goal=replace(self.goal, retries=self.goal.retries + infrastructure_failures(trials))
        )

    def with_environments(self, *_: object) -> ReproPlanner:
        """Return itself: environments do not affect the order of runs."""
        return self


def decide_repro(goal: ReproGoal, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
    """Choose the next run, at the commit with the most runs left: drift then affects both alike.

    Runs without a result are replaced, until they outnumber the conclusive ones by more than `goal.retries`.
    """
    if goal.until_fail and any(_is_red(trial) for trial in trials):
        return State(None, (), (), 0, over=not running)
    left = {sha: _left(goal, sha, trials, running) for sha in goal.shas}
    if not any(left.values()):
        return State(None, (), (), 0, over=not running)
    sha = max(goal.shas, key=lambda sha: left[sha])
    return State(Step(sha, None, Purpose.REPEAT), (), (), sum(left.values()))


def tally(cell: str, sha: str, trials: Sequence[TrialResult]) -> Tally:
    """Count the runs and failures of a cell at a commit."""
    at = [result for trial in trials if trial.sha == sha if (result := trial.cell(cell)) is not None]
    red = [result for result in at if result.outcome in RED]
    seen = Counter(str(result.failure.signature) if result.failure else result.reason for result in red)
    runs = sum(result.outcome in CONCLUSIVE for result in at)
    return Tally(
        runs=runs,
        failed=len(red),
        signatures=tuple(seen.most_common()),
        seconds=tuple(result.seconds for result in red),
        inconclusive="" if runs else next((result.reason for result in at if result.reason), ""),
    )


def _left(goal: ReproGoal, sha: str, trials: Sequence[TrialResult], running: Sequence[Step]) -> int:
    """Return how many runs of a commit are left to start."""
    at = [trial for trial in trials if trial.sha == sha]
    conclusive = sum(_is_conclusive(trial) for trial in at)
    if (
        any(trial.outcome is Outcome.UNBUILDABLE for trial in at)
        or len(at) - conclusive > goal.retries + conclusive
    ):
        return 0
    in_progress = sum(step.sha == sha for step in running)
    return max(goal.runs - conclusive - in_progress, 0)


def _is_conclusive(trial: TrialResult) -> bool:
    """Whether a run gave a result: for one of its cells, or as a whole if it has none (a CI job)."""
    outcomes = [cell.outcome for cell in trial.cells] or [trial.outcome]
    return any(outcome in CONCLUSIVE for outcome in outcomes)


def _is_red(trial: TrialResult) -> bool:
    return any(cell.outcome in RED for cell in trial.cells)
