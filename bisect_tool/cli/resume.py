"""`bisect-run resume`: continue an interrupted session."""

from __future__ import annotations

from dataclasses import replace

from bisect_tool.options.declared_options import takes
from bisect_tool.options.stored_options import ResumeOptions

EXAMPLES = (
    "bisect-run resume",
    "bisect-run resume 20260306-101500-1a2b --json",
)


@takes(ResumeOptions)
def resume(options: ResumeOptions) -> int:
    """Resume a session without repeating finished trials."""
    from bisect_tool.cli.run_session import run_and_report
    from bisect_tool.disk_usage.inventory import is_resumable
    from bisect_tool.mode import Bisect, Fixes
    from bisect_tool.options.check_files import as_edited
    from bisect_tool.paths import home
    from bisect_tool.session import session as sessions
    from bisect_tool.session.relocate import relocate
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import notify

    here = home()
    store = Store(here.store, notify)
    if options.repo is not None:
        relocate(options.session, options.repo, store, here)
    session = sessions.load(options.session, store, here, notify)
    mode = session.request.mode
    if isinstance(mode, Fixes) and mode.confirms:
        notify(f"{session.id} confirms the result of {mode.confirms}: resuming both")
        session = sessions.load(mode.confirms, store, here)
    mode = session.request.mode
    if isinstance(mode, Bisect) and mode.walk:
        notify(f"{session.id} continues the search of {mode.walk}: resuming both")
        session = sessions.load(mode.walk, store, here)
    if not is_resumable(store.session(session.id)):
        notify(f"{session.id} has already ended: reporting it again")
    if options.edited_check:
        session = replace(session, request=sessions.with_scenario(as_edited(session.request)))
    return run_and_report(session, store, options.as_json)
