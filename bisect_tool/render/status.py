"""Render `status`: a table of sessions, or one session in progress. The current time is passed as `now`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.format import count, duration, listing, outcome_text, short
from bisect_tool.render.console import render_answer, render_cells
from bisect_tool.request import Request
from bisect_tool.results.document import Document
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.results.document import TrialReport
    from bisect_tool.session.store import SessionRow

_TEXT_LIMIT = 200
_STATE_STYLE = {"running": "cyan", "resumable": "yellow"}


@dataclass(frozen=True)
class SessionLine:
    """One session in the table; `state` is running, ended or resumable."""

    id: str
    created: datetime
    repo: str
    span: str
    state: str
    conclusion: str


def summarise(row: SessionRow, *, running: bool, trials: int) -> SessionLine:
    """A stored session in one line; `running`: a process holds it, `trials`: how many are stored."""
    created = datetime.fromisoformat(row.created)
    try:
        request = Request.model_validate_json(row.request)
        document = Document.model_validate_json(row.document) if row.document else None
    except ValidationError:
        return SessionLine(row.id, created, "", "", "unreadable", "stored by another version of bisect-run")
    if document is not None and not running:
        state = "resumable" if document.resumable else "ended"
        conclusion = _conclusion(document)
    else:
        state, conclusion = "running" if running else "resumable", f"{count(trials, 'trial')} so far"
    goods = listing([short(sha) for sha in request.goods], limit=1)
    return SessionLine(
        id=row.id,
        created=created,
        repo=request.repo,
        span=f"{goods}..{short(request.bad)}" if goods else short(request.bad),
        state=state,
        conclusion=conclusion,
    )


def render_sessions(lines: Sequence[SessionLine], now: datetime) -> RenderableType:
    """All sessions, in the order given."""
    if not lines:
        return Text("no sessions yet")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("session", "age", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("range", no_wrap=True)
    table.add_column("repository", overflow="fold")
    table.add_column("conclusion", overflow="fold")
    for line in lines:
        table.add_row(
            _text(line.id),
            age((now - line.created).total_seconds()),
            _text(line.state, _STATE_STYLE.get(line.state, "")),
            _text(line.span),
            _text(line.repo),
            _text(line.conclusion),
        )
    return table


def render_session(document: Document, now: datetime) -> RenderableType:
    """Render one session, finished or not: its answer so far, its cells, and its trials."""
    elapsed = age((now - datetime.fromisoformat(document.created)).total_seconds())
    begun = "just now" if elapsed == "now" else f"{elapsed} ago"
    state = "running" if document.running else "resumable" if document.resumable else "ended"
    head = _text(f"Session {document.session}, started {begun}, {state}", "bold")
    cells = render_cells(document)
    parts: list[RenderableType] = [head, render_answer(document)]
    parts += [Text(), cells] if cells is not None else []
    parts += [Text(), _trials(document)]
    if document.resumable:
        parts += [Text(), _text(f"Resume with: bisect-run resume {document.session}")]
    return Group(*parts)


def age(seconds: float) -> str:
    """How long ago, in one unit: `now`, `5 min`, `3 h`, `2 d`."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h"
    return f"{int(seconds // 86400)} d"


def _trials(document: Document) -> RenderableType:
    if not document.trials:
        return Text("no trials yet")
    grid = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("right", "left", "left", "left"):
        grid.add_column(justify=justify, no_wrap=justify == "right")
    for number, trial in enumerate(document.trials, 1):
        grid.add_row(str(number), _text(short(trial.sha)), _text(trial.purpose), _text(_result_of(trial)))
    return grid


def _result_of(trial: TrialReport) -> str:
    return f"{outcome_text(trial.outcome, trial.reason, trial.outcomes.values())}, {duration(trial.seconds)}"


def _conclusion(document: Document) -> str:
    shas = dict.fromkeys(short(cell.culprit.sha) for cell in document.cells.values() if cell.culprit)
    return f"{document.conclusion}: {listing(tuple(shas))}" if shas else document.conclusion


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
