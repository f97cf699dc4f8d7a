"""Compose the failure chains of a document, one for each culprit and signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence import is_symptom
from bisect_tool.json_document.cells import last_good_before
from bisect_tool.json_document.document import (
    BUILD,
    FailureReport,
)
from bisect_tool.planner import CellConclusion, Finding, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.evidence import Failure
    from bisect_tool.git.commit import Commit
    from bisect_tool.session.store import TrialRow


def failure_reports(
    state: State, rows: Sequence[TrialRow], commits: Mapping[str, Commit], *, fix: bool
) -> tuple[FailureReport, ...]:
    """Return a report for every culprit and signature: cells with a culprit first, then by number of cells.

    With `--find fix`, the failing commit is the one before the fix.
    """
    failed = [item for item in state.conclusions if item.failure is not None]
    failed.sort(key=lambda item: item.finding is not Finding.CULPRIT)
    alike: dict[str | None, dict[str, list[CellConclusion]]] = {}
    for item in failed:
        alike.setdefault(item.culprit, {}).setdefault(str(_of(item).signature), []).append(item)
    return tuple(
        _failure(items, signatures, rows, commits, fix=fix)
        for signatures in alike.values()
        for items in sorted(signatures.values(), key=len, reverse=True)
    )


def _failure(
    items: Sequence[CellConclusion],
    signatures: Mapping[str, Sequence[CellConclusion]],
    rows: Sequence[TrialRow],
    commits: Mapping[str, Commit],
    *,
    fix: bool,
) -> FailureReport:
    """Compose the report of the cells of one culprit that fail with one signature."""
    first = items[0]
    sha, name = first.culprit, str(_of(first).signature)
    others = (item.cell for other, cells in signatures.items() if other != name for item in cells)
    if fix and sha is not None:
        sha = last_good_before(first.cell, commits[sha].parents, rows, fix=True)
    return failure_report(
        first.cell,
        sha or "",
        _of(first),
        tuple(others) if first.culprit else (),
        tuple(i.cell for i in items),
    )


def _of(item: CellConclusion) -> Failure:
    assert item.failure is not None
    return item.failure


def evidence_report(found: tuple[str, str, Failure] | None) -> tuple[FailureReport, ...]:
    """Return the report of a single failure, if there is one."""
    return () if found is None else (failure_report(*found),)


def build_failures(rows: Sequence[TrialRow]) -> tuple[FailureReport, ...]:
    """Return a report for every signature of failed builds, with the first commit that has it."""
    found: dict[str, FailureReport] = {}
    for row in rows:
        if failure := row.result.failure:
            found.setdefault(str(failure.signature), failure_report(BUILD, row.result.sha, failure))
    return tuple(found.values())


def failure_report(
    cell: str, sha: str, failure: Failure, other_signatures: tuple[str, ...] = (), cells: tuple[str, ...] = ()
) -> FailureReport:
    """Return the report of the failure of a cell at a commit; `otherwise` and `cells` as in its model."""
    return FailureReport(
        cell=cell,
        sha=sha,
        root=failure.root,
        chain=failure.chain,
        excerpt=failure.excerpt,
        other_signatures=other_signatures,
        cells=cells or (cell,),
        signature=str(failure.signature),
        symptom=is_symptom(failure.root),
    )
