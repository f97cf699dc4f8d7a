"""Find the next runs of a cell: those required before all others, and the value of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.planner import order_dependence
from bisect_tool.planner.other_failure import to_compare_with
from bisect_tool.planner.testable_from import end_to_verify, next_to_test
from bisect_tool.planner.types import Purpose, Step
from bisect_tool.search import Culprit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner.cell_state import CellState

_CONFIRMING_BITS = 1.0
"""The value of a confirming run, compared with narrowing runs."""


def required_step(state: CellState) -> Step | None:
    """Return the trial that the search needs to continue; None if there is none."""
    return (
        _order_step(state)
        or _step(state, state.known.unverified_end or end_to_verify(state), Purpose.GOOD_END)
        or _step(state, next_to_test(state), Purpose.NARROW)
        or _isolated_confirmation(state)
    )


def to_compare(state: CellState) -> Step | None:
    """Return the run needed before the culprit of a command is reported to fail differently."""
    found = state.bisection.conclude()
    if not state.goal.by_exit_code or not isinstance(found, Culprit):
        return None
    dag, failing = state.goal.dag, state.failing_at(found)
    later = () if state.goal.fix else (dag.candidates[each] for each in dag.descendants(dag.index[found.sha]))
    between = [sha for sha in later if sha not in {found.sha, *state.goal.failing}]
    sha = to_compare_with(state.cell_runs, failing, state.goal.failing, between)
    return _step(state, sha, Purpose.CONFIRM)


def values(state: CellState, running: Sequence[str]) -> dict[str, float]:
    """Information gain (bits) of a run at each commit, by sha; commits with no gain are left out.

    `running` are the commits at which this cell is running now. Runs that confirm come before all others.
    """
    if confirming := _unstarted(state.bisection.stopping.confirmation, running):
        return dict.fromkeys(confirming, _CONFIRMING_BITS)
    bits = state.bisection.values.beside(running)
    inside = zip(state.goal.dag.candidates, bits[:-1], strict=True)
    gains = {sha: float(value) for sha, value in inside if value > 0.0}
    end = state.known.good_end
    return gains if end is None else {**gains, end: float(bits[-1])}


def purpose(state: CellState, sha: str) -> Purpose:
    """Why the search runs this commit."""
    if state.bisection.stopping.confirmation or not state.known.narrowing:
        return Purpose.CONFIRM
    if sha in state.goal.failing:
        return Purpose.BAD_END
    return Purpose.GOOD_END if sha in state.goal.passing else Purpose.NARROW


def _step(state: CellState, sha: str | None, purpose: Purpose) -> Step | None:
    return Step(sha, (state.cell,), purpose) if sha else None


def _order_step(state: CellState) -> Step | None:
    """A run that shows whether the cell fails only after other cells."""
    if not state.goal.selects_cells:
        return None
    steps = (
        order_dependence.isolation(state.goal, state.cell_runs, state.cell),
        state.dependence.missing,
    )
    return next((step for step in steps if step is not None and step.sha not in state.given_up), None)


def _isolated_confirmation(state: CellState) -> Step | None:
    """A run of the culprit or a parent without the cells that preceded all of its failures there."""
    found = state.bisection.conclude()
    if not isinstance(found, Culprit) or state.prerequisites or not state.goal.selects_cells:
        return None
    for sha in (found.sha, *found.parents):
        if sha not in state.given_up and order_dependence.failed_only_with_predecessors(
            state.goal, state.cell_runs, sha
        ):
            return Step(sha, (state.cell,), Purpose.CONFIRM)
    return None


def _unstarted(runs: Sequence[str], running: Sequence[str]) -> tuple[str, ...]:
    """The runs that are not in progress yet."""
    left = list(runs)
    for sha in running:
        if sha in left:
            left.remove(sha)
    return tuple(left)
