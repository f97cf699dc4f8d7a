"""The search for one cell's culprit: its conclusion, its required run, and the value of other runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.planner import cell_conclusion, cell_steps
from bisect_tool.planner.cell_state import CellState
from bisect_tool.planner.types import Finding
from bisect_tool.search import IDLE_BITS
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner.types import CellConclusion, Goal, Purpose, Step
    from bisect_tool.trial.result import TrialResult

_MIN_SHARE = 0.1
"""A cell joins a trial that is worth at least this share of its best one."""


@dataclass(frozen=True, eq=False)
class CellSearch:
    """The search for the culprit of one cell that ran at the failing end; each answer is computed once."""

    state: CellState

    @classmethod
    def of(cls, goal: Goal, cell: str, trials: Sequence[TrialResult]) -> CellSearch:
        """Rebuild the search of a cell from all trials of the session, in the order in which they ended."""
        return cls(CellState.of(goal, cell, trials))

    def given(self, culprits: frozenset[str]) -> CellSearch:
        """The same search, to which the culprits of other cells are suspects."""
        return CellSearch(replace(self.state, culprits=culprits))

    @property
    def cell(self) -> str:
        """The cell's id."""
        return self.state.cell

    @cached_property
    def conclusion(self) -> CellConclusion | None:
        """The conclusion for the cell, or None while its search is open."""
        found = cell_conclusion.from_ends(self.state)
        return found if found is not None or self.required is not None else self._answer

    @property
    def culprit(self) -> str | None:
        """The culprit, if the search is over and named one."""
        found = self.conclusion
        return found.culprit if found is not None and found.finding is Finding.CULPRIT else None

    def conclude_early(self, reason: str) -> CellConclusion:
        """The conclusion if the search stopped now; `reason` becomes the note of an open cell."""
        found = self.conclusion or (None if self._to_continue else self._answer)
        if found is not None and (found.finding is not Finding.GREEN or self._passed_often_enough):
            return found
        return cell_conclusion.unfinished(self.state, reason)

    @property
    def _answer(self) -> CellConclusion | None:
        """Return the conclusion of the search, if it is over."""
        found = self.state.bisection.conclude()
        return None if found is None else cell_conclusion.from_search(self.state, found)

    @property
    def _passed_often_enough(self) -> bool:
        """Whether the cell passed at the failing end as often as it takes to call it green."""
        runs = self.state.cell_runs.at(self.state.goal.failing)
        return sum(run.verdict is Verdict.GOOD for run in runs) >= self.state.goal.endpoint_runs

    @cached_property
    def required(self) -> Step | None:
        """Return the trial that must run before the search can continue, whatever the value of others."""
        return self._to_continue or cell_steps.to_compare(self.state)

    @cached_property
    def _to_continue(self) -> Step | None:
        return cell_steps.required_step(self.state)

    def wanted(self, running: Sequence[str]) -> dict[str, float]:
        """The commits at which the cell should take part in a trial, with the gain of each in bits.

        Only commits worth at least a tenth of the best one are included. `running` are the commits at which
        the cell is running now.
        """
        values = cell_steps.values(self.state, running)
        idle = IDLE_BITS if running else 0.0
        least = max(_MIN_SHARE * max(values.values(), default=0.0), idle)
        return {sha: value for sha, value in values.items() if value >= least}

    def purpose(self, sha: str) -> Purpose:
        """Return why the search runs this commit."""
        return cell_steps.purpose(self.state, sha)
