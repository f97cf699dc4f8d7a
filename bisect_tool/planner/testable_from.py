"""Handle passing ends that give no result: find the first testable commit above them.

A test that was added inside the range cannot run before it existed. The planner then bisects between the
untestable commits and the oldest failing one, until a commit passes (and bounds the search) or none is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.planner.cell_state import CellState
    from bisect_tool.search import Dag

_UNTESTABLE = 2
"""At least this many untestable commits are not just one bad build."""


def end_to_verify(state: CellState) -> str | None:
    """A passing end to run before more commits are tried without a result; it may be untestable, too."""
    if state.cell_runs.conclusive(Verdict.GOOD) or len(state.given_up) < _UNTESTABLE:
        return None
    ran = {run.sha for run in state.cell_runs.runs}
    return next((end for end in state.goal.passing if end not in ran), None)


def untestable_ends(state: CellState) -> tuple[str, ...]:
    """The passing ends that gave no result, if no commit was seen to pass."""
    if state.cell_runs.conclusive(Verdict.GOOD):
        return ()
    latest = dict(state.cell_runs.observations(state.goal.retries))
    return tuple(end for end in state.goal.passing if latest.get(end) is Verdict.SKIP)


def untestable_inside(state: CellState) -> bool:
    """Whether at least two commits inside the range gave no result either."""
    inside = set(state.given_up).difference(state.goal.passing)
    return len(inside) >= _UNTESTABLE


def next_to_test(state: CellState) -> str | None:
    """The next commit to try between the untestable ones and the oldest failing one; None if none is."""
    if state.goal.fix or not untestable_ends(state) or not untestable_inside(state):
        return None
    return _middle(state.goal.dag, state.given_up, state.cell_runs.conclusive(Verdict.BAD))


def oldest_of(dag: Dag, shas: Collection[str]) -> str | None:
    """The first of these commits in the order of the range; None if none is in it."""
    return min((sha for sha in shas if sha in dag.index), key=dag.index.__getitem__, default=None)


def _middle(dag: Dag, untestable: Collection[str], failed: Collection[str]) -> str | None:
    oldest = oldest_of(dag, failed)
    if oldest is None:
        return None
    ancestors = dag.ancestors([dag.index[oldest]]) - {dag.index[oldest]}
    tried = dag.ancestors(dag.index[sha] for sha in untestable if sha in dag.index)
    left = sorted(ancestors - tried)
    return dag.candidates[left[len(left) // 2]] if left else None
