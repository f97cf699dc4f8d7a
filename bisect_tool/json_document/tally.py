"""Count runs and failures of cells at a commit, and format the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.format import count
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bisect_tool.json_document.document import (
        TrialReport,
    )


@dataclass(frozen=True)
class Tally:
    """Counts of some cells' trials at one commit; `runs` counts each cell of each trial."""

    trials: int
    cells: int
    runs: int
    failed: int

    def __str__(self) -> str:
        """`2 trials, all 4 cells passed`, `3 trials, 2 failed`, `3 trials, 7 of 12 cell runs failed`."""
        if not self.runs:
            return "not run"
        trials = count(self.trials, "trial")
        if self.failed in (0, self.runs):
            word = "failed" if self.failed else "passed"
            alone, several = (
                (word, f"all {word}") if self.cells == 1 else ("", f"all {self.cells} cells {word}")
            )
            return f"{trials}, {alone if alone and self.trials == 1 else several}"
        if self.cells == 1:
            return f"{trials}, {self.failed} failed"
        return f"{trials}, {self.failed} of {self.runs} cell runs failed"


def tally(trials: Sequence[TrialReport], sha: str | None, cells: Collection[str]) -> Tally:
    """Count the conclusive runs of these cells in the trials at a commit."""
    conclusive = [
        seen
        for trial in trials
        if trial.sha == sha
        and (seen := {cell: trial.outcomes[cell] for cell in cells if _is_conclusive(trial, cell)})
    ]
    outcomes = [outcome for seen in conclusive for outcome in seen.values()]
    ran = {cell for seen in conclusive for cell in seen}
    return Tally(len(conclusive), len(ran), len(outcomes), sum(outcome in RED for outcome in outcomes))


def _is_conclusive(trial: TrialReport, cell: str) -> bool:
    outcome = trial.outcomes.get(cell)
    return outcome == Outcome.PASSED or outcome in RED
