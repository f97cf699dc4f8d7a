"""The exit code of a bisection and its one-sentence conclusion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.errors import ExitCode
from bisect_tool.format import joined, outcome_text, search_progress, short
from bisect_tool.git.range import DEEPEN
from bisect_tool.planner import Finding, State
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.planner import WalkGoal
    from bisect_tool.session.store import TrialRow


CUT_OFF = f"the parents of the found commit are missing in this shallow clone; {DEEPEN} fetches them"
_NO_PARENT = "a root commit, which has no parent to compare with"


def with_root_notes(state: State, commits: Mapping[str, Commit], cuts: Container[str]) -> State:
    """Add a note to culprits without parents: a root commit, or cut off by a shallow clone."""
    noted = (
        replace(item, note=joined(item.note, CUT_OFF if item.culprit in cuts else _NO_PARENT))
        if item.culprit and not commits[item.culprit].parents
        else item
        for item in state.conclusions
    )
    return replace(state, conclusions=tuple(noted))


def conclude(state: State, rows: Sequence[TrialRow], no_ops: Container[str] = ()) -> tuple[ExitCode, str]:
    """Return the exit code of a bisection and a one-sentence conclusion.

    `no_ops` are the culprits that change nothing that is built or run.
    """
    if state.step is not None:
        so_far = search_progress(len(state.remaining), state.disagreement)
        return ExitCode.INTERRUPTED, f"not finished: {so_far}"
    found = {item.finding for item in state.conclusions}
    if not found:
        return _nothing_ran(rows)
    if found == {Finding.GREEN}:
        return ExitCode.ENDPOINTS, "all cells pass at the bad commit"
    left = [item for item in state.conclusions if item.finding is Finding.CANDIDATES]
    if left and left[0].note:
        return ExitCode.INCONCLUSIVE, f"inconclusive: {left[0].note}"
    if not left and (reason := _suspect_reason(state, no_ops)):
        return ExitCode.INCONCLUSIVE, f"suspect: {reason}"
    return next((answer for finding, answer in _ANSWERS.items() if finding in found), _NO_REGRESSION)


def _suspect_reason(state: State, no_ops: Container[str]) -> str:
    """Return why a culprit is only a suspect, for reasons other than a different failure; else empty."""
    if any(item.culprit in no_ops for item in state.conclusions if item.culprit):
        return "the first bad commit changes nothing that is tested"
    if any(item.busy for item in state.conclusions):
        return "tests missed deadlines while the machine was busy"
    if any(item.without_tests for item in state.conclusions):
        return "no test ran where the check passes"
    if any(item.hidden_failures for item in state.conclusions):
        return "the same tests fail where the check passes"
    if any(item.unseen for item in state.conclusions):
        return "the result may be wrong, because the check imports from your checkout"
    return ""


def conclude_step(rows: Sequence[TrialRow]) -> tuple[ExitCode, str]:
    """Return the exit code and conclusion of `bisect-run step`, which searches no range."""
    result = rows[-1].result
    return ExitCode.DONE, outcome_text(result.outcome, result.reason, (cell.outcome for cell in result.cells))


def conclude_walk(
    goal: WalkGoal, state: State, rows: Sequence[TrialRow], end: str | None
) -> tuple[ExitCode, str]:
    """Return the exit code and conclusion of a walk; if it found the end, the bisection is not finished."""
    wanted = "failing" if goal.fix else "passing"
    if state.stopped:
        return ExitCode.INCONCLUSIVE, f"the budget was used up before a {wanted} commit was found"
    if state.step is not None or end is not None:
        so_far = (
            f"looking for a {wanted} commit"
            if end is None
            else f"the bisection from {short(end)} has not run yet"
        )
        return ExitCode.INTERRUPTED, f"not finished: {so_far}"
    if not any(item.bad.runs for item in state.conclusions):
        return _nothing_ran(rows)
    if not goal.fix and not any(item.bad.failed for item in state.conclusions):
        return ExitCode.ENDPOINTS, "all cells pass at the bad commit"
    if goal.fix and all(item.bad.failed for item in state.conclusions):
        return ExitCode.ENDPOINTS, "no cell passes at the good commit"
    return (
        ExitCode.ENDPOINTS,
        f"no {wanted} commit found; searched back to the first commit, {short(goal.stops[-1])}",
    )


# The first of these findings that any cell has decides the session's result.
_ANSWERS = {
    Finding.CANDIDATES: (
        ExitCode.INCONCLUSIVE,
        "the first bad commit is among untestable commits",
    ),
    Finding.SUSPECT: (
        ExitCode.INCONCLUSIVE,
        "suspect: the failure differs from the one at the bad commit",
    ),
    Finding.CULPRIT: (ExitCode.DONE, "culprit found"),
    Finding.FLAKY: (ExitCode.INCONCLUSIVE, "no culprit: the failing cells are flaky"),
}


_NO_REGRESSION = (ExitCode.ENDPOINTS, "the good and bad commits do not reproduce the regression")


def _nothing_ran(rows: Sequence[TrialRow]) -> tuple[ExitCode, str]:
    reason = next((row.result.reason for row in rows if row.result.reason), "no cell ran")
    infrastructure = any(row.result.outcome is Outcome.INFRASTRUCTURE for row in rows)
    code = ExitCode.ENVIRONMENT if infrastructure else ExitCode.ENDPOINTS
    return code, f"no result at the bad commit: {reason}"
