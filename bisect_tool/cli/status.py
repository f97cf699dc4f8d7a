"""`bisect-run status`: list sessions, or show one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.options.declared_options import takes
from bisect_tool.options.stored_options import StatusOptions

if TYPE_CHECKING:
    from bisect_tool.json_document.status import StatusDocument
    from bisect_tool.paths import Home
    from bisect_tool.session.store import Store

EXAMPLES = (
    "bisect-run status",
    "bisect-run status last",
)


@takes(StatusOptions)
def status(options: StatusOptions) -> int:
    """List sessions, or show one."""
    from bisect_tool.json_document.stored_session import document_of
    from bisect_tool.paths import home
    from bisect_tool.render.status import render_session, render_sessions
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import notify, write_json
    from bisect_tool.terminal.writer import show, write

    here = home()
    store = Store(here.store, notify)
    now = datetime.now(UTC)
    if options.session is not None:
        document = document_of(options.session, store, here, options.repo)
        if options.as_json:
            write_json(document)
        else:
            show(render_session(document, now))
        return 0
    if options.repo is not None:
        raise UsageError("--repo needs a session", "Use: bisect-run status SESSION --repo PATH")
    listed = _all(store, here)
    if options.as_json:
        write(listed.to_json())
    else:
        show(render_sessions(listed, now))
    return 0


def _all(store: Store, here: Home) -> StatusDocument:
    """Return the status of every session, and the size of the data directory."""
    from bisect_tool.disk_usage.inventory import inventory
    from bisect_tool.json_document.status import logs_by_session, status_document, summarise
    from bisect_tool.session.log_files import pruned_at
    from bisect_tool.session.session import is_running

    rows = store.sessions()
    found = inventory(here, rows)
    logs = logs_by_session(found)
    return status_document(
        [
            summarise(
                row,
                running=is_running(here, row.id),
                trials=store.count(row.id),
                logs=logs.get(row.id, 0),
                pruned=pruned_at(here, row.id),
            )
            for row in rows
        ],
        found,
    )
