"""Decide whether a failing end must run again before a search: its cells may fail only sometimes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bisect_tool.planner.cell_runs import is_doubtful
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.trial.result import TrialResult


def needs_another_run(at: Sequence[TrialResult], endpoint_runs: int, retries: int) -> bool:
    """Whether a failing end must run again after these trials of it.

    It must until every cell has failed, or until `endpoint_runs` trials gave a result; it is given up if it
    does not build, or after more than `retries` trials that were lost to the machine.
    """
    useful = [trial for trial in at if not is_lost(trial)]
    unbuildable = any(trial.outcome is Outcome.UNBUILDABLE for trial in at)
    gave_up = unbuildable or len(at) - len(useful) > retries
    enough = len(useful) - _in_doubt(useful) >= endpoint_runs
    return not gave_up and not _all_failed(useful) and not enough


def is_lost(trial: TrialResult) -> bool:
    """Whether a trial gave no result because of the machine or the build."""
    return trial.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE)


def _all_failed(useful: Sequence[TrialResult]) -> bool:
    """Whether every cell that ran at an end failed at least once, other than by a doubtful deadline."""
    cells = {cell.cell for trial in useful for cell in trial.cells}
    red = {cell.cell for trial in useful for cell in trial.cells if cell.outcome in RED}
    return bool(cells) and cells == red and not _in_doubt(useful)


def _in_doubt(useful: Sequence[TrialResult]) -> bool:
    """Whether the only failure of a cell is a deadline missed while the machine was busy."""
    red = [(trial, cell) for trial in useful for cell in trial.cells if cell.outcome in RED]
    doubtful = Counter(cell.cell for trial, cell in red if is_doubtful(trial, cell))
    certain = {cell.cell for trial, cell in red if not is_doubtful(trial, cell)}
    return any(number % 2 for name, number in doubtful.items() if name not in certain)
