"""The exit code of `step`, as `git bisect run` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import StepCode
from bisect_tool.evidence import classify, mentions
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from bisect_tool.trial.result import CellResult


def exit_code(cells: tuple[CellResult, ...], signature: str) -> int:
    """The exit code for `git bisect run`: bad if any cell is, good only if all are."""
    verdicts = {cell_verdict(cell, signature) for cell in cells}
    if Verdict.BAD in verdicts:
        return StepCode.BAD
    return StepCode.GOOD if verdicts == {Verdict.GOOD} else StepCode.SKIP


def cell_verdict(cell: CellResult, signature: str) -> Verdict:
    """The verdict of a cell; a failure that does not contain `signature` is skipped."""
    verdict = classify(cell.outcome, cell.failure, frozenset()).verdict
    if not signature or verdict is not Verdict.BAD:
        return verdict
    return Verdict.BAD if cell.failure is not None and mentions(cell.failure, signature) else Verdict.SKIP
