"""Detect cells that fail only after other cells, and find the smallest set of cells that must run before.

This is tested at one commit, usually the failing end. The cell first runs without the cells of other
parameter groups. If it passes, it runs alone and after all of them, often enough to rule out chance, and then
after subsets, until no cell can be left out (delta debugging, see `bisect_tool.ddmin`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.ddmin import minimal_subset
from bisect_tool.planner.parameter_groups import group, is_isolated
from bisect_tool.planner.types import Purpose, Step
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner.cell_runs import CellRuns, Run
    from bisect_tool.planner.types import Goal

_FAILURES_AFTER_OTHERS = 3
_PASSES_ALONE = 4
"""A flaky cell that does not depend on others shows this pattern by chance about 2 times in 100."""

_PASSES_AFTER_SUBSET = 2
_MAX_RUNS = 40
"""The most runs at one commit; after these, the smallest set so far is the answer."""

_ISOLATED_RUNS = 2


@dataclass(frozen=True)
class Dependence:
    """The cells after which a cell fails (empty if none or unknown), and the next run that tests for it."""

    prerequisites: tuple[str, ...] = ()
    missing: Step | None = None


class _UnknownError(Exception):
    """The cell was not run after this subset of cells yet."""

    def __init__(self, subset: frozenset[int]) -> None:
        super().__init__()
        self.subset = subset


def isolation(goal: Goal, cell_runs: CellRuns, cell: str) -> Step | None:
    """The isolated run that a cell still needs at a failing end where it failed; None if none."""
    for end in goal.failing:
        here = cell_runs.at((end,))
        apart = [run for run in here if is_isolated(goal, run.trial, cell)]
        failed = any(run.verdict is Verdict.BAD for run in here)
        conclusive = any(run.verdict is not Verdict.SKIP for run in apart)
        if failed and not conclusive and len(apart) < _ISOLATED_RUNS:
            return Step(end, (cell,), Purpose.ISOLATED)
    return None


def dependence(cell_runs: CellRuns, cell: str) -> Dependence:
    """Return the order dependence that the runs show; empty while nothing suggests one."""
    sha = _suspected(cell_runs)
    if sha is None:
        return Dependence()
    runs = cell_runs.at((sha,))
    scope = _scope(runs, cell)
    purpose = Purpose.ORDER if scope.own else Purpose.ISOLATED
    failing, passing = _sides(runs)
    others_before = max((scope.before(run) for run in failing), key=len)
    if len(failing) < _FAILURES_AFTER_OTHERS:
        return Dependence(missing=Step(sha, (*others_before, cell), purpose))
    if sum(not scope.before(run) for run in passing) < _PASSES_ALONE:
        return Dependence(missing=Step(sha, (cell,), purpose))
    try:
        return Dependence(prerequisites=_after(runs, others_before))
    except _UnknownError as unknown:
        subset = tuple(name for place, name in enumerate(others_before) if place in unknown.subset)
        return Dependence(missing=Step(sha, (*subset, cell), purpose))


@dataclass(frozen=True)
class _Scope:
    """Which preceding cells matter: those of other groups, or all of them (`own`)."""

    group: str
    own: bool

    def before(self, run: Run) -> tuple[str, ...]:
        return tuple(name for name in run.before if self.own or group(name) != self.group)


def _scope(runs: Sequence[Run], cell: str) -> _Scope:
    """Return other groups only, if these explain when it fails: then a group can run together."""
    others = _Scope(group(cell), own=False)
    failing, passing = _sides(runs)
    explained = any(not others.before(run) for run in passing) and not any(
        set(others.before(after)) <= set(others.before(without)) for after in failing for without in passing
    )
    return others if explained else replace(others, own=True)


def failed_only_with_predecessors(goal: Goal, cell_runs: CellRuns, sha: str) -> bool:
    """Whether the cell's failures at this end always followed cells that the narrowing runs left out.

    The ends run every cell, so an order-dependent cell would otherwise make the end itself the culprit.
    """
    ends = (goal.bad, *goal.goods)
    narrowed = [run.preceding for run in cell_runs.runs if run.sha not in ends]
    failing, _ = _sides(cell_runs.at((sha,)))
    return (
        sha in ends
        and any(all(run.preceding > before for run in failing) for before in narrowed)
        and bool(failing)
    )


def _suspected(cell_runs: CellRuns) -> str | None:
    """Return a commit at which the cell failed after others, and passed whenever some were left out."""
    for sha in sorted(cell_runs.conclusive(Verdict.BAD) & cell_runs.conclusive(Verdict.GOOD)):
        failing, passing = _sides(cell_runs.at((sha,)))
        if not any(after.preceding <= without.preceding for after in failing for without in passing):
            return sha
    return None


def _after(runs: Sequence[Run], others_before: tuple[str, ...]) -> tuple[str, ...]:
    """The smallest set of preceding cells after which it fails; raises _UnknownError."""
    failing, passing = _sides(runs)
    parts = {name: place for place, name in enumerate(others_before)}

    def places(run: Run) -> frozenset[int]:
        return frozenset(parts[name] for name in run.before if name in parts)

    def fails(subset: frozenset[int]) -> bool:
        if any(places(run) <= subset for run in failing):
            return True
        if sum(places(run) >= subset for run in passing) >= _PASSES_AFTER_SUBSET or len(runs) >= _MAX_RUNS:
            return False
        raise _UnknownError(subset)

    found = minimal_subset(range(len(others_before)), fails)
    return tuple(name for name, place in parts.items() if place in found)


def _sides(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    return (
        [run for run in runs if run.verdict is Verdict.BAD],
        [run for run in runs if run.verdict is Verdict.GOOD],
    )
