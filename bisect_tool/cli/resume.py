"""`bisect-run resume`: go on with an interrupted session."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from bisect_tool.options import shared_options

EXAMPLES = (
    "bisect-run resume",
    "bisect-run resume 20260306-101500-1a2b --json",
)


def resume(
    session: shared_options.SessionId = "last",
    repo: shared_options.MovedTo = None,
    edited_check: Annotated[
        bool,
        typer.Option(
            "--edited-check",
            help="Keep the results of trials from before the check or scenario was edited.",
        ),
    ] = False,
    as_json: shared_options.AsJson = False,
) -> int:
    """Resume a session without repeating finished trials."""
    from bisect_tool.cli.run_session import drive
    from bisect_tool.mode import Fixes
    from bisect_tool.options.check_files import as_edited
    from bisect_tool.paths import home
    from bisect_tool.session import session as sessions
    from bisect_tool.session.relocate import relocate
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import say

    here = home()
    store = Store(here.store, say)
    if repo is not None:
        relocate(session, repo, store, here)
    asked = sessions.load(session, store, here, say)
    mode = asked.request.mode
    if isinstance(mode, Fixes) and mode.confirms:
        say(f"{asked.id} confirms the result of {mode.confirms}: resuming both")
        asked = sessions.load(mode.confirms, store, here)
    if edited_check:
        asked = replace(asked, request=sessions.with_scenario(as_edited(asked.request)))
    return drive(asked, store, as_json)
