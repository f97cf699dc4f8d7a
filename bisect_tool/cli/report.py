"""`bisect-run report`: render a session, finished or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from bisect_tool.errors import ExitCode, UsageError
from bisect_tool.options import shared_options
from bisect_tool.paths import home
from bisect_tool.results.compose import compose, native_changes
from bisect_tool.results.confirmed import confirmed, unfinished
from bisect_tool.results.document import Document
from bisect_tool.session import confirmation, runner
from bisect_tool.session import session as sessions
from bisect_tool.session.relocate import relocate
from bisect_tool.session.store import Store, another_version
from bisect_tool.terminal.output import say, write_json, write_report
from bisect_tool.terminal.terminal import write

if TYPE_CHECKING:
    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow

EXAMPLES = (
    "bisect-run report",
    "bisect-run report last --markdown",
)


def report(
    session: shared_options.SessionId = "last",
    repo: shared_options.MovedTo = None,
    as_json: shared_options.AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for an issue.")] = False,
) -> int:
    """Print a session's report: text, JSON or Markdown."""
    if as_json and markdown:
        raise UsageError("--json and --markdown cannot be used together", "Use only one of them.")
    document = document_of(session, repo)
    if as_json:
        write_json(document)
    elif markdown:
        from bisect_tool.render.markdown import markdown as issue_body  # noqa: PLC0415  # jinja2 is slow

        write(issue_body(document))
    else:
        write_report(document)
    return 0


def document_of(session: str, repo: str | None = None) -> Document:
    """The document of a session: the one kept at its end, else (or while it goes on) as far as it came.

    `repo` is where its repository is now, if it has moved.
    """
    here = home()
    store = Store(here.store, say)
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
    return document.model_copy(update={"exit_code": sessions.ended_with(here, row.id)})


def _composed(row: SessionRow, store: Store, here: Home) -> Document:
    running = sessions.load(row.id, store, here)
    running = sessions.assembled(running, store)
    rows = sessions.trials(running, store)
    state = runner.current_state(running, rows)
    document = compose(running, rows, state, native_changes(running))
    found = confirmation.culprits(running, state)
    if not found:
        return document
    second = confirmation.begun(running, found, store)
    return unfinished(confirmed(document, document_of(second.id)) if second else document)
