"""Group cells by their first parameter, to check whether a cell fails when it runs in isolation.

Cells with few parameter values (`[1]` and `[4]` of a suite that starts servers) run in CI as one process for
each value, so each group is run alone. A parameter with more than `_FEW` values does not stand for a process:
failing cells are then run together, without the cells that passed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bisect_tool.verdict import RED

if TYPE_CHECKING:
    from bisect_tool.planner.types import Goal
    from bisect_tool.trial.result import TrialResult

_GROUP = re.compile(r"\[([^\]\-]*)")
_FEW = 4


def group(cell: str) -> str:
    """The first parameter of a cell: `4` of `test_x[4-model]`; empty without parameters."""
    found = _GROUP.search(cell)
    return found[1] if found else ""


@lru_cache
def are_processes(cells: tuple[str, ...]) -> bool:
    """Whether there are few enough groups among these cells to run each by itself."""
    return len({group(cell) for cell in cells}) <= _FEW


def is_isolated(goal: Goal, trial: TrialResult, cell: str) -> bool:
    """Whether a cell ran in isolation from the cells that it might depend on.

    If groups run as processes: after no cell of another group. Else: in a trial of selected cells, or after
    failing cells only.
    """
    before = trial.cells[: trial.places.get(cell, 0)]
    if goal.grouped and are_processes(trial.names):
        return all(group(each.cell) == group(cell) for each in before)
    return not trial.whole or all(each.outcome in RED for each in before)
