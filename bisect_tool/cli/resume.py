"""`bisect-run resume`: go on with an interrupted session."""

from __future__ import annotations

from bisect_tool import session as sessions
from bisect_tool.cli import options
from bisect_tool.cli.drive import drive
from bisect_tool.home import home
from bisect_tool.store import Store


def resume(
    session: options.SessionId = "last",
    as_json: options.AsJson = False,
) -> int:
    """Go on with a session; trials that ran are not run again."""
    here = home()
    store = Store(here.store)
    return drive(sessions.load(session, store, here), store, as_json)
