"""Turn the trials of sessions with the same check into observations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.planner.cell_runs import is_doubtful
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.nightly_run.past_sessions import PastSession
    from bisect_tool.request import Request
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import CellResult, TrialResult


def own_key(series: str, request: Request, cell: str) -> CellKey:
    """Return the key of a cell that we run ourselves."""
    return CellKey(series, request.scenario or "command", "", cell)


def own_observations(
    series: str, request: Request, sessions: Iterable[PastSession]
) -> tuple[Observation, ...]:
    """Return the observations of each cell in these sessions, which have the check of `request`.

    A trial without any cell counts as an infrastructure failure of each known cell.
    """
    rows = [(each.id, row) for each in sessions for row in each.trials if row.result.whole]
    cells = sorted({cell for _, row in rows for cell in row.result.names})
    return tuple(one for session, row in rows for one in _of_trial(series, request, session, row, cells))


def exception_of(cell: CellResult) -> str:
    """Return the class of a cell's exception, or how its process ended; empty if neither is known."""
    if cell.failure is None:
        return ""
    signature = cell.failure.signature
    return signature.exception.rpartition(".")[2] or signature.exit


def _of_trial(
    series: str, request: Request, session: str, row: TrialRow, cells: list[str]
) -> Iterator[Observation]:
    trial = row.result
    started = time_of(trial.started)
    for name in trial.names or cells:
        cell = trial.cell(name)
        assert cell is not None
        yield Observation(
            own_key(series, request, name),
            trial.sha,
            session,
            str(row.number),
            _state(trial, cell),
            started=started,
            finished=end_of(trial),
            log=trial.folder,
            exception=exception_of(cell),
            failure=cell.failure,
        )


def _state(trial: TrialResult, cell: CellResult) -> State:
    if cell.outcome is Outcome.PASSED:
        return State.PASSED
    if cell.outcome in RED:
        return State.INFRASTRUCTURE if is_doubtful(trial, cell) else State.FAILED
    spoiled = cell.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE)
    return State.INFRASTRUCTURE if spoiled else State.MISSING


def end_of(trial: TrialResult) -> datetime | None:
    """Return when a trial ended, or None if unknown."""
    started = time_of(trial.started)
    return None if started is None else started + timedelta(seconds=trial.seconds)


def time_of(text: str) -> datetime | None:
    """Parse a time in ISO 8601; None without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
