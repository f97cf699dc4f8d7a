"""From a session and its trials to the document."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from bisect_tool import __version__
from bisect_tool.campaign import CellConclusion, Finding, State
from bisect_tool.errors import ExitCode
from bisect_tool.history import Commit
from bisect_tool.report.document import (
    CellReport,
    CommitInfo,
    Cost,
    Document,
    EndCount,
    FailureReport,
    NativeChange,
    Skipped,
    TrialReport,
)
from bisect_tool.session import Session
from bisect_tool.store import TrialRow
from bisect_tool.verdict import Outcome


def compose(
    session: Session, rows: Sequence[TrialRow], state: State, native: Sequence[NativeChange] = ()
) -> Document:
    """The document of a session as far as it came; `native` lists commits with other native files."""
    request = session.request
    commits = {commit.sha: commit for commit in session.range.commits}
    code, conclusion = conclude(state, rows)
    return Document(
        schema=1,
        command=request.command,
        rerun=request.rerun,
        session=session.id,
        created=session.created,
        scenario=request.scenario or "",
        profile=request.profile or "",
        repo=request.repo,
        good=request.goods,
        bad=request.bad,
        candidates_total=len(commits),
        exit_code=code,
        conclusion=conclusion,
        cells={item.cell: _cell(item, commits) for item in state.conclusions},
        failure=_failure(state),
        native_changes=tuple(native),
        trials=tuple(_trial(row) for row in rows),
        cost=_cost(rows),
        versions={
            "bisect-run": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
        },
    )


def conclude(state: State, rows: Sequence[TrialRow]) -> tuple[ExitCode, str]:
    """The exit code of a session and the sentence that goes with it."""
    if state.step is not None:
        return ExitCode.INTERRUPTED, f"not finished: {len(state.remaining)} commits are left"
    found = {item.finding for item in state.conclusions}
    if not found:
        reason = next((row.result.reason for row in rows if row.result.reason), "no cell ran")
        infrastructure = any(row.result.outcome is Outcome.INFRASTRUCTURE for row in rows)
        code = ExitCode.ENVIRONMENT if infrastructure else ExitCode.ENDPOINTS
        return code, f"the bad end told nothing: {reason}"
    if Finding.CANDIDATES in found:
        return ExitCode.INCONCLUSIVE, "the first bad commit hides among commits that could not be tested"
    if Finding.CULPRIT in found:
        return ExitCode.DONE, "culprit found"
    if Finding.FLAKY in found:
        return ExitCode.INCONCLUSIVE, "no culprit: the failing cells are flaky"
    if found <= {Finding.GREEN}:
        return ExitCode.ENDPOINTS, "every cell is green at the bad end"
    return ExitCode.ENDPOINTS, "the ends do not show the regression"


def commit_info(commit: Commit) -> CommitInfo:
    """A commit as the document shows it."""
    return CommitInfo(
        sha=commit.sha, subject=commit.subject, author=commit.author, date=commit.date, pr=commit.pr
    )


def _cell(item: CellConclusion, commits: dict[str, Commit]) -> CellReport:
    return CellReport(
        finding=item.finding,
        good=EndCount(runs=item.good.runs, failed=item.good.failed),
        bad=EndCount(runs=item.bad.runs, failed=item.bad.failed),
        culprit=commit_info(commits[item.culprit]) if item.culprit else None,
        candidates=item.candidates,
        signature=str(item.failure.signature) if item.failure else None,
        skipped=tuple(Skipped(sha=sha, reason=reason) for sha, reason in item.skipped),
        note=item.note,
    )


def _failure(state: State) -> FailureReport | None:
    """The chain of the first culprit's cell, else of the first cell that failed at all."""
    told = [item for item in state.conclusions if item.failure is not None]
    told.sort(key=lambda item: item.finding is not Finding.CULPRIT)
    if not told or told[0].failure is None:
        return None
    item, failure = told[0], told[0].failure
    return FailureReport(
        cell=item.cell, sha=item.culprit or "", root=failure.root, chain=failure.chain, excerpt=failure.excerpt
    )


def _trial(row: TrialRow) -> TrialReport:
    result = row.result
    return TrialReport(
        sha=result.sha,
        purpose=row.purpose,
        cells=tuple(cell.cell for cell in result.cells),
        outcome=result.outcome,
        outcomes={cell.cell: cell.outcome.value for cell in result.cells},
        seconds=round(result.seconds, 3),
        build_seconds=round(result.build_seconds, 3),
        environment=result.environment,
        slot=result.slot,
        leftovers=tuple(f"{item.kind} {item.name}" for item in result.leftovers),
        log=result.folder,
        reason=result.reason,
    )


def _cost(rows: Sequence[TrialRow]) -> Cost:
    results = [row.result for row in rows]
    return Cost(
        trials=len(results),
        builds=sum(not result.environment_reused for result in results),
        seconds=round(sum(result.seconds for result in results), 3),
        gpu_seconds=0.0,
    )
