"""Which cells run without which others, to see whether a cell fails by itself.

The cells of a few parameters (`[1]` and `[4]` of a suite that starts servers) are each a process of CI's own:
each group is run alone. Many parameters are only parameters: cells that fail are run together, without the
cells that passed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bisect_tool.verdict import RED

if TYPE_CHECKING:
    from bisect_tool.planner.goal import Goal
    from bisect_tool.trial.result import TrialResult

_GROUP = re.compile(r"\[([^\]\-]*)")
_FEW = 4


def group(cell: str) -> str:
    """The first parameter of a cell, which CI runs in a process of its own: `4` of `test_x[4-model]`."""
    found = _GROUP.search(cell)
    return found[1] if found else ""


@lru_cache
def are_processes(cells: tuple[str, ...]) -> bool:
    """Whether the groups of these cells are so few that each can be run by itself."""
    return len({group(cell) for cell in cells}) <= _FEW


def is_apart(goal: Goal, trial: TrialResult, cell: str) -> bool:
    """Whether a cell ran without those that it might fail after, but for cells that fail themselves."""
    before = trial.cells[: trial.places.get(cell, 0)]
    if goal.grouped and are_processes(trial.names):
        return all(group(each.cell) == group(cell) for each in before)
    return not trial.whole or all(each.outcome in RED for each in before)
