"""Load or compose the document of a stored session, finished or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool.errors import ExitCode
from bisect_tool.json_document.compose import compose, native_changes
from bisect_tool.json_document.confirmation import confirmed, unfinished
from bisect_tool.json_document.document import Document
from bisect_tool.session import confirmation
from bisect_tool.session import session as sessions
from bisect_tool.session.relocate import relocate
from bisect_tool.session.store import another_version

if TYPE_CHECKING:
    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow, Store


def document_of(session: str, store: Store, here: Home, repo: str | None = None) -> Document:
    """Return the stored document of an ended session; else compose one from its trials so far.

    `repo` is the new location of its repository, if it has moved.
    """
    if repo is not None:
        relocate(session, repo, store, here)
    row = store.session(session)
    if sessions.is_running(here, row.id):
        return _so_far(row, store, here).model_copy(update={"running": True, "resumable": False})
    if row.document is not None:
        try:
            return Document.model_validate_json(row.document)
        except ValidationError:
            raise another_version(row.id) from None
    return _so_far(row, store, here)


def _so_far(row: SessionRow, store: Store, here: Home) -> Document:
    document = _composed(row, store, here)
    if document.exit_code != ExitCode.INTERRUPTED:
        return document
    code = sessions.ended_with(here, row.id)
    failed = "; the last run ended with an internal error" if code == ExitCode.BUG else ""
    return document.model_copy(update={"exit_code": code, "conclusion": f"{document.conclusion}{failed}"})


def _composed(row: SessionRow, store: Store, here: Home) -> Document:
    running = sessions.load(row.id, store, here)
    running = sessions.assembled(running, store)
    rows = sessions.trials(running, store)
    state = running.planner.current_state([row.result for row in rows])
    document = compose(running, rows, state, native_changes(running))
    found = confirmation.culprits(running, state)
    if not found:
        return document
    second = confirmation.existing_session(running, found, store)
    return unfinished(confirmed(document, document_of(second.id, store, here)) if second else document)
