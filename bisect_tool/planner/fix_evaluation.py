"""Evaluate fix candidates: which cells fail at the failing commit, and which of them pass at a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.planner.types import EndCounts, FixGoal
from bisect_tool.verdict import CONCLUSIVE, RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.trial.result import CellResult, TrialResult


class CellStatus(StrEnum):
    """Status of a cell at a commit: one failure is enough, a pass must be repeated `runs` times."""

    PASSES = "passes"
    FAILS = "fails"
    INCONCLUSIVE = "no result"
    OPEN = "open"


@dataclass(frozen=True, eq=False)
class FixEvaluation:
    """Results of every cell at the failing commit, at each candidate and at each combination."""

    goal: FixGoal
    trials: Sequence[TrialResult]

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """The cells to evaluate: those requested, else all that ran at the failing commit, in order."""
        if self.goal.only:
            return tuple(self.goal.only)
        at = [trial for trial in self.trials if trial.sha == self.goal.bad]
        return tuple(dict.fromkeys(cell.cell for trial in at for cell in trial.cells))

    @cached_property
    def red(self) -> tuple[str, ...]:
        """The cells that fail at the failing commit."""
        return tuple(cell for cell in self.cells if self.status(self.goal.bad, cell) is CellStatus.FAILS)

    @cached_property
    def green(self) -> tuple[str, ...]:
        """The cells that pass at the failing commit."""
        return tuple(cell for cell in self.cells if self.status(self.goal.bad, cell) is CellStatus.PASSES)

    def status(self, sha: str, cell: str) -> CellStatus:
        """The status of a cell at a commit; any failure counts, whatever its signature."""
        at = self._results(sha, cell)
        if any(result.outcome in RED for result in at):
            return CellStatus.FAILS
        if sum(result.outcome is Outcome.PASSED for result in at) >= self.goal.runs:
            return CellStatus.PASSES
        inconclusive = [result.outcome for result in at if result.outcome is not Outcome.PASSED]
        lost = inconclusive.count(Outcome.INFRASTRUCTURE)
        final = len(inconclusive) > lost or lost > self.goal.retries
        return CellStatus.INCONCLUSIVE if final else CellStatus.OPEN

    def seen(self, cell: str) -> EndCounts:
        """Count the runs of a cell at the failing commit, and its failures."""
        at = self._results(self.goal.bad, cell)
        failed = sum(result.outcome in RED for result in at)
        return EndCounts(failed + sum(result.outcome is Outcome.PASSED for result in at), failed)

    def left(self, sha: str) -> tuple[str, ...]:
        """The cells that still have to run at a commit; `("",)` while no cell is known."""
        cells = self.cells if sha == self.goal.bad else (*self.red, *self.green)
        return tuple(cell for cell in cells or ("",) if self.status(sha, cell) is CellStatus.OPEN)

    def with_prerequisites(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The cells, each preceded by the cells that must run before it, without duplicates."""
        only = self.goal.only
        return tuple(dict.fromkeys(name for cell in cells for name in (*only.get(cell, ()), cell)))

    def missing(self, sha: str) -> int:
        """Return how many more runs a commit needs if all of them pass."""
        passed = (
            sum(result.outcome is Outcome.PASSED for result in self._results(sha, cell))
            for cell in self.left(sha)
        )
        return max((self.goal.runs - number for number in passed), default=0)

    def fixed(self, sha: str) -> tuple[str, ...]:
        """The cells that fail at the failing commit and pass at this one."""
        return tuple(cell for cell in self.red if self.status(sha, cell) is CellStatus.PASSES)

    def fixes_all(self, sha: str) -> bool:
        """Whether every cell that fails at the failing commit passes at this one."""
        return bool(self.red) and self.fixed(sha) == self.red

    def broken(self, sha: str) -> tuple[str, ...]:
        """The cells that pass at the failing commit and fail at this one."""
        return tuple(cell for cell in self.green if self.status(sha, cell) is CellStatus.FAILS)

    @cached_property
    def candidates(self) -> dict[int, str]:
        """The commit of each candidate that applies, by the candidate's number (its place in the request)."""
        return {
            part: commit.sha
            for commit in self.goal.fix_commits
            if len(commit.parts) == 1 and commit.sha
            for part in commit.parts
        }

    def _results(self, sha: str, cell: str) -> list[CellResult]:
        at = (self._result(trial, cell) for trial in self.trials if trial.sha == sha)
        return [result for result in at if result is not None]

    def _result(self, trial: TrialResult, cell: str) -> CellResult | None:
        """The result of a cell in a trial; that of a prerequisite if it was inconclusive."""
        names = self.with_prerequisites((cell,))
        results = [result for name in names if (result := trial.cell(name)) is not None]
        if len(results) < len(names):
            return None
        inconclusive = (result for result in results[:-1] if result.outcome not in CONCLUSIVE)
        return next(inconclusive, results[-1])
