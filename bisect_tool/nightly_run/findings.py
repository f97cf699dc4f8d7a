"""Read the results of a watch's bisections: the culprit of each cell, if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CellKey
from bisect_tool.errors import ExitCode
from bisect_tool.mode import Bisect, Walk
from bisect_tool.nightly_rules.decision import Nothing
from bisect_tool.nightly_rules.earlier_bisections import KnownBisection
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_run.own_observations import end_of, own_key, time_of
from bisect_tool.nightly_run.past_sessions import has_check
from bisect_tool.planner.reported_names import Cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bisect_tool.json_document.document import CellReport, Document
    from bisect_tool.nightly_rules.decision import Decision
    from bisect_tool.nightly_run.past_sessions import PastSession
    from bisect_tool.request import Request

_GREEN = "green"
_CANDIDATES = "candidates"


@dataclass(frozen=True)
class Finding:
    """A finished bisection: its document, and the cells of the document by key."""

    session: str
    known: KnownBisection
    reports: Mapping[CellKey, CellReport]
    document: Document


def known_bisections(
    series: str, request: Request | None, sessions: Iterable[PastSession]
) -> tuple[KnownBisection, ...]:
    """Return the bisections of a watch: finished, running, or to be resumed.

    Args:
        series: the name of the watch.
        request: the check that the watch runs itself; None if it only reads results.
        sessions: all sessions of the store.
    """
    found = (_known(series, request, each) for each in sessions)
    return tuple(each for each in found if each is not None)


def findings(series: str, request: Request | None, sessions: Iterable[PastSession]) -> tuple[Finding, ...]:
    """Return the finished bisections of a watch, oldest first."""
    return tuple(
        Finding(past.id, known, _reports(series, past, own=request is not None), past.document)
        for past in sessions
        if past.document is not None and (known := _known(series, request, past)) is not None
    )


def exit_codes_of_given_up(
    found: Iterable[Finding], decisions: Mapping[CellKey, Decision]
) -> tuple[ExitCode, ...]:
    """Return the exit codes of the last bisections of cells that were given up: none found a culprit.

    The code is INCONCLUSIVE if the bisection found the culprit of other cells.
    """
    last = {key: each.document.exit_code for each in found for key in each.known.cells}
    given_up = [
        key for key, each in decisions.items() if isinstance(each, Nothing) and each.reason is Reason.GIVEN_UP
    ]
    return tuple(ExitCode(last.get(key) or ExitCode.INCONCLUSIVE) for key in given_up)


def _known(series: str, request: Request | None, past: PastSession) -> KnownBisection | None:
    mode = past.request.mode
    if not isinstance(mode, Bisect | Walk) or mode.find == "fix" or not mode.shares_trials:
        return None
    if isinstance(mode, Walk) and past.document is not None and past.document.good:
        return None  # its continuation is a separate session
    own = past.belongs_to(series)
    if not own and (request is None or not has_check(past, request)):
        return None
    unfinished = own and past.unfinished
    if past.document is None and not (past.running or unfinished):
        return None
    reports = _reports(series, past, own=request is not None)
    watched = past.request.watched
    return KnownBisection(
        next(iter(past.request.goods), ""),
        past.request.bad,
        frozenset(reports) | frozenset(_keys(past)),
        watched.exception if watched else "",
        {key: each.culprit.sha for key, each in reports.items() if each.culprit is not None},
        past.running,
        {key: each.candidates for key, each in reports.items() if each.finding == _CANDIDATES},
        None if past.document is None else _end(past, past.document),
        unfinished,
    )


def _end(past: PastSession, document: Document) -> datetime | None:
    """Return when a session ended; the time of its document if no trial has an end."""
    times = (time_of(document.created), *(end_of(row.result) for row in past.trials if not row.shared))
    return max((each for each in times if each is not None), default=None)


def _keys(past: PastSession) -> tuple[CellKey, ...]:
    """Return the cells for which the watch started the bisection."""
    return tuple(CellKey(*cell) for cell in past.request.watched.cells) if past.request.watched else ()


def _reports(series: str, past: PastSession, *, own: bool) -> dict[CellKey, CellReport]:
    """Return the failing cells of a bisection's document, by the keys of the watch.

    With `own`, the watch runs the check itself. Otherwise the keys are those of the results that it reads,
    and the key of a job without tests gets the report of the first cell.
    """
    if past.document is None:
        return {}
    red = {name: each for name, each in past.document.cells.items() if each.finding != _GREEN}
    wanted = _keys(past)
    if own or not wanted:
        return {own_key(series, past.request, name): each for name, each in red.items()}
    # A command is one cell, whatever test of a CI service it represents; so is a job without tests.
    only = next(iter(red), "")
    by_name = not past.request.check.by_exit_code
    cells = Cells(red)
    names = {key: cells.called(key.cell) if key.cell and by_name else only for key in wanted}
    return {key: red[name] for key, name in names.items() if name}
