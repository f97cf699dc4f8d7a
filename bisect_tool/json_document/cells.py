"""Compose the report of each cell from the planner's conclusion and the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.json_document.commits import commit_info
from bisect_tool.json_document.document import (
    CellReport,
    EndCount,
    FailRates,
    OtherFailureReport,
    Skipped,
)
from bisect_tool.planner import CellConclusion, EndCounts, Purpose
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import TrialResult


def cell_report(
    item: CellConclusion,
    commits: Mapping[str, Commit],
    rows: Sequence[TrialRow],
    no_ops: Container[str],
    *,
    fix: bool,
) -> CellReport:
    """Compose the report of one cell, with its run counts."""
    last_good = (
        last_good_before(item.cell, commits[item.culprit].parents, rows, fix=fix) if item.culprit else None
    )
    return CellReport(
        finding=item.finding,
        order_dependent=True if item.prerequisites else _isolated(item.cell, rows),
        prerequisites=item.prerequisites,
        leftovers=_leftovers_before_failure(item, rows),
        good=_counted(item.good),
        bad=_counted(item.bad),
        culprit=commit_info(commits[item.culprit]) if item.culprit else None,
        last_good=last_good,
        culprit_runs=_runs(item.cell, item.culprit, rows),
        last_good_runs=_runs(item.cell, last_good, rows),
        broken_runs=_counted(item.broken) if item.broken else None,
        candidates=item.candidates,
        probabilities=dict(zip(item.candidates, item.probabilities, strict=False)),
        confidence=item.confidence,
        fail_rates=FailRates(bad=item.rates[0], good=item.rates[1]) if item.rates else None,
        no_op=item.culprit is not None and item.culprit in no_ops,
        other_failure=_other_failure(item),
        signature=str(item.failure.signature) if item.failure else None,
        skipped=tuple(Skipped(sha=sha, reason=reason) for sha, reason in item.skipped),
        note=item.note,
    )


def _other_failure(item: CellConclusion) -> OtherFailureReport | None:
    other = item.other_failure
    return OtherFailureReport(found=other.found, bad_end=other.failing_end) if other else None


def _counted(counts: EndCounts) -> EndCount:
    return EndCount(runs=counts.runs, failed=counts.failed)


def _runs(cell: str, sha: str | None, rows: Sequence[TrialRow]) -> EndCount | None:
    """Count the runs and failures of a cell at a commit, with any signature."""
    if sha is None:
        return None
    results = [row.result.cell(cell) for row in rows if row.result.sha == sha]
    outcomes = [result.outcome for result in results if result is not None]
    failed = sum(outcome in RED for outcome in outcomes)
    return EndCount(runs=failed + outcomes.count(Outcome.PASSED), failed=failed)


def _isolated(cell: str, rows: Sequence[TrialRow]) -> bool | None:
    """Return False if the cell was run without cells of other groups, so it does not need them; else None."""
    was_isolated = any(row.purpose == Purpose.ISOLATED and row.result.cell(cell) for row in rows)
    return False if was_isolated else None


def _leftovers_before_failure(item: CellConclusion, rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """Return the leftovers of a trial in which the cell failed after its prerequisites.

    It is the first of those trials with the fewest cells, so that few other cells can have left something.
    """
    failed = [
        row.result
        for row in rows
        if item.prerequisites and _failed_after(row.result, item.cell, item.prerequisites)
    ]
    smallest = min(failed, key=lambda result: len(result.cells), default=None)
    return tuple(f"{left.kind} {left.name}" for left in smallest.leftovers) if smallest else ()


def _failed_after(result: TrialResult, cell: str, after: Sequence[str]) -> bool:
    found = result.cell(cell)
    ran = {each.cell for each in result.cells}
    return found is not None and found.outcome in RED and ran.issuperset(after)


def last_good_before(cell: str, parents: Sequence[str], rows: Sequence[TrialRow], *, fix: bool) -> str | None:
    """Return the parent at which the cell passed (with `--find fix`: failed), if any."""
    wanted = RED if fix else (Outcome.PASSED,)
    seen = {
        row.result.sha
        for row in rows
        if (result := row.result.cell(cell)) is not None and result.outcome in wanted
    }
    return next((parent for parent in parents if parent in seen), None)
