"""`bisect-run status`: the sessions there are, or one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from bisect_tool.cli.report import document_of
from bisect_tool.home import Home, home
from bisect_tool.report.status import render_session, render_sessions, summarise
from bisect_tool.report.terminal import show
from bisect_tool.store import Store


def status(
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="A session's id, the beginning of one, or `last`."),
    ] = None,
) -> int:
    """List the sessions, or look at one."""
    here = home()
    store = Store(here.store)
    now = datetime.now(UTC)
    if session is not None:
        row = store.session(session)
        show(render_session(document_of(row.id), now, running=_runs(here, row.id)))
        return 0
    lines = [
        summarise(row, running=_runs(here, row.id), trials=len(store.trials(row.id)))
        for row in store.sessions()
    ]
    show(render_sessions(lines, now))
    return 0


def _runs(here: Home, session: str) -> bool:
    """Whether a process holds the session's lock."""
    file = here.session(session) / "running.lock"
    if not file.parent.is_dir():
        return False
    try:
        with FileLock(file).acquire(timeout=0):
            return False
    except Timeout:
        return True
