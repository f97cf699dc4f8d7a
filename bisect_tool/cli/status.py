"""`bisect-run status`: the sessions there are, or one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options import shared_options

EXAMPLES = (
    "bisect-run status",
    "bisect-run status last",
)


def status(
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="Session id, the beginning or end of one, or `last`."),
    ] = None,
    repo: shared_options.MovedTo = None,
) -> int:
    """List sessions, or show one."""
    from bisect_tool.paths import home
    from bisect_tool.render.status import render_session, render_sessions, summarise
    from bisect_tool.results.stored import document_of
    from bisect_tool.session import session as sessions
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import say
    from bisect_tool.terminal.terminal import show

    here = home()
    store = Store(here.store, say)
    now = datetime.now(UTC)
    if session is not None:
        row = store.session(session)
        show(render_session(document_of(row.id, store, here, repo), now))
        return 0
    if repo is not None:
        raise UsageError("--repo needs a session", "Use: bisect-run status SESSION --repo PATH")
    lines = [
        summarise(row, running=sessions.is_running(here, row.id), trials=store.count(row.id))
        for row in store.sessions()
    ]
    show(render_sessions(lines, now))
    return 0
