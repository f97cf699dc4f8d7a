"""Walk back from an end, in doubling steps, to a commit where its cells have the opposite outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from bisect_tool.planner.end_runs import is_lost, needs_another_run
from bisect_tool.planner.planner import infrastructure_failures
from bisect_tool.planner.reported_names import ReportedNames
from bisect_tool.planner.types import (
    INFRASTRUCTURE_RETRIES,
    CellConclusion,
    EndCounts,
    Finding,
    Purpose,
    State,
    Step,
)
from bisect_tool.verdict import CONCLUSIVE, RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.trial.result import TrialResult


@dataclass(frozen=True)
class WalkGoal:
    """Find a commit at which the failing cells of an end pass; with `fix`, at which a passing cell fails.

    Attributes:
        stops: The end, then the commits to try in turn, each farther back; the last is the root.
        fix: The end passes, and a failing commit is searched.
        endpoint_runs: Passes in a row before a cell counts as passing at a commit.
        retries: How often a commit is retried after infrastructure failures.
        observed: For each test name in given results, the commits with the opposite outcome, newest first.
    """

    stops: tuple[str, ...]
    fix: bool = False
    endpoint_runs: int = 2
    retries: int = INFRASTRUCTURE_RETRIES
    observed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def end(self) -> str:
        """The commit at which the walk starts."""
        return self.stops[0]


def walk_stops(history: Sequence[str]) -> tuple[str, ...]:
    """Return the stops of a walk: the last commit, those 1, 2, 4, 8 ... commits before it, and the first."""
    last = len(history) - 1
    places = [0, *(1 << power for power in range(last.bit_length()))]
    return tuple(history[last - place] for place in dict.fromkeys((*places, last)) if place <= last)


class _Seen(Enum):
    """The outcome of the cells at a commit, compared with the end."""

    OPEN = auto()
    SAME = auto()
    OPPOSITE = auto()


@dataclass(frozen=True)
class WalkPlanner:
    """Walks back until the cells have the opposite outcome."""

    goal: WalkGoal

    @property
    def failing(self) -> tuple[str, ...]:
        """The end, unless it has to pass."""
        return () if self.goal.fix else (self.goal.end,)

    def decide(self, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
        """Return the state with the next stop; one trial at a time, since each depends on the one before."""
        return decide_walk(self.goal, trials, running)

    def current_state(self, trials: Sequence[TrialResult]) -> State:
        """The state after these trials."""
        return self.decide(trials)

    def conclude_early(self, trials: Sequence[TrialResult]) -> State:
        """The state after these trials, with none to follow."""
        return replace(self.decide(trials), step=None, over=True, stopped=True)

    def with_extra_retries(self, trials: Sequence[TrialResult]) -> Self:
        """Return the planner of a resumed session, which retries trials lost to the machine."""
        return replace(
            self, goal=replace(self.goal, retries=self.goal.retries + infrastructure_failures(trials))
        )

    def with_environments(self, *_: object) -> Self:
        """Return itself: environments do not affect the order of runs."""
        return self


def decide_walk(goal: WalkGoal, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
    """Choose the next trial of the walk, and conclude for cells without anything to find."""
    step = _next_step(goal, trials)
    if step is not None:
        return State(None if running else step, (), (), 1)
    return State(None, tuple(_conclusions(goal, trials)), (), 0, over=not running)


def found_end(goal: WalkGoal, trials: Sequence[TrialResult]) -> str | None:
    """Return the commit at which the cells have the opposite outcome, or None.

    If no commit has it for all cells, the newest of those with the most cells.
    """
    cells = _cells(goal, trials)
    if not cells or _is_open_start(goal, trials):
        return None
    if (known := _observed(goal, cells)) is not None:
        return known
    for stop in goal.stops[1:]:
        seen = _seen(goal, cells, stop, trials)
        if seen is not _Seen.SAME:
            return stop if seen is _Seen.OPPOSITE else None
    return None if goal.fix else _most_passing(goal, cells, trials)


def _most_passing(goal: WalkGoal, cells: Sequence[str], trials: Sequence[TrialResult]) -> str | None:
    """Return the newest commit with the most cells that passed and never failed; None if there is none."""
    passing = {stop: len(_passing(cells, 1, stop, trials)) for stop in goal.stops[1:]}
    best = max(passing, key=passing.__getitem__, default=None)
    return best if best is not None and passing[best] else None


def _next_step(goal: WalkGoal, trials: Sequence[TrialResult]) -> Step | None:
    if _is_open_start(goal, trials):
        return Step(goal.end, None, Purpose.GOOD_END if goal.fix else Purpose.BAD_END)
    cells = _cells(goal, trials)
    if not cells or _observed(goal, cells) is not None:
        return None
    for stop in goal.stops[1:]:
        seen = _seen(goal, cells, stop, trials)
        if seen is _Seen.OPEN:
            return Step(stop, None, Purpose.BAD_END if goal.fix else Purpose.GOOD_END)
        if seen is _Seen.OPPOSITE:
            return None
    return None


def _is_open_start(goal: WalkGoal, trials: Sequence[TrialResult]) -> bool:
    """Whether the end must run, or run again, before the walk."""
    at = [trial for trial in trials if trial.sha == goal.end]
    if not goal.fix:
        return needs_another_run(at, goal.endpoint_runs, goal.retries)
    lost = [trial for trial in at if is_lost(trial)]
    return len(lost) == len(at) <= goal.retries and all(
        trial.outcome is not Outcome.UNBUILDABLE for trial in at
    )


def _cells(goal: WalkGoal, trials: Sequence[TrialResult]) -> tuple[str, ...]:
    """The cells that fail at the end; with `fix`, those that pass there."""
    results = [cell for trial in trials if trial.sha == goal.end for cell in trial.cells]
    red = dict.fromkeys(cell.cell for cell in results if cell.outcome in RED)
    passed = dict.fromkeys(cell.cell for cell in results if cell.outcome is Outcome.PASSED)
    return tuple(cell for cell in passed if cell not in red) if goal.fix else tuple(red)


def _observed(goal: WalkGoal, cells: Sequence[str]) -> str | None:
    """Return the newest commit at which all cells passed in given results; with `fix`, one failed."""
    names = ReportedNames(goal.observed)
    known = [goal.observed.get(names.of(cell), ()) for cell in cells]
    if not any(known):
        return None
    if goal.fix:
        return next(filter(None, known))[0]
    return next((sha for sha in known[0] if all(sha in each for each in known[1:])), None)


def _seen(goal: WalkGoal, cells: Sequence[str], stop: str, trials: Sequence[TrialResult]) -> _Seen:
    """Compare the cells at a commit with the end; a commit without a result is skipped."""
    red = {cell for cell, outcome in _outcomes(cells, stop, trials) if outcome in RED}
    if red:
        return _Seen.OPPOSITE if goal.fix else _Seen.SAME
    passing = _passing(cells, 1 if goal.fix else goal.endpoint_runs, stop, trials)
    if len(passing) == len(cells):
        return _Seen.SAME if goal.fix else _Seen.OPPOSITE
    at = [trial for trial in trials if trial.sha == stop]
    lost = sum(not _is_conclusive(trial, cells) for trial in at if trial.whole or not trial.cells)
    missing = any(
        trial.outcome is not Outcome.INFRASTRUCTURE for trial in at if not _is_conclusive(trial, cells)
    )
    return _Seen.SAME if missing or lost > goal.retries else _Seen.OPEN


def _passing(cells: Sequence[str], runs: int, stop: str, trials: Sequence[TrialResult]) -> list[str]:
    """Return the cells that passed at least `runs` times at a commit, and never failed there."""
    outcomes = list(_outcomes(cells, stop, trials))
    red = {cell for cell, outcome in outcomes if outcome in RED}
    return [cell for cell in cells if cell not in red and outcomes.count((cell, Outcome.PASSED)) >= runs]


def _is_conclusive(trial: TrialResult, cells: Sequence[str]) -> bool:
    """Whether each of the cells passed or failed in a trial."""
    results = [trial.cell(cell) for cell in cells]
    return all(result is not None and result.outcome in CONCLUSIVE for result in results)


def _outcomes(
    cells: Sequence[str], stop: str, trials: Sequence[TrialResult]
) -> Iterator[tuple[str, Outcome]]:
    for trial in trials:
        if trial.sha == stop:
            results = (trial.cell(cell) for cell in cells)
            yield from ((each.cell, each.outcome) for each in results if each is not None)


def _conclusions(goal: WalkGoal, trials: Sequence[TrialResult]) -> Iterator[CellConclusion]:
    """Yield GREEN for the cells that pass at the end, ALWAYS_RED for those without an opposite outcome."""
    at = [trial for trial in trials if trial.sha == goal.end]
    cells, found = _cells(goal, trials), found_end(goal, trials)
    for cell in dict.fromkeys(each.cell for trial in at for each in trial.cells):
        results = [result for trial in at if (result := trial.cell(cell)) is not None]
        failed = sum(result.outcome in RED for result in results)
        runs = failed + sum(result.outcome is Outcome.PASSED for result in results)
        base = CellConclusion(cell, Finding.GREEN, good=EndCounts(0, 0), bad=EndCounts(runs, failed))
        if not runs:
            reason = next((result.reason for result in results if result.reason), "no result")
            yield replace(base, finding=Finding.UNVERIFIED, note=reason)
        elif cell not in cells:
            yield base
        elif found is None:
            yield _always(goal, base, cell, trials)


def _always(goal: WalkGoal, base: CellConclusion, cell: str, trials: Sequence[TrialResult]) -> CellConclusion:
    """Return ALWAYS_RED, or GREEN for a cell that never failed, with the runs at the other stops."""
    others = [
        result.outcome
        for trial in trials
        if trial.sha != goal.end and (result := trial.cell(cell)) is not None
    ]
    failed = sum(outcome in RED for outcome in others)
    good = EndCounts(failed + others.count(Outcome.PASSED), failed)
    if goal.fix:
        return replace(base, good=good)
    return replace(base, finding=Finding.ALWAYS_RED, good=good, note="no commit before the bad one passed")
