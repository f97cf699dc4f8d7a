"""`bisect-run report`: render a session, finished or not."""

from __future__ import annotations

from typing import Annotated

import typer

from bisect_tool.diagnostics import LOG_FILE
from bisect_tool.errors import ExitCode, UsageError
from bisect_tool.options import shared_options

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
    from bisect_tool.paths import home
    from bisect_tool.results.stored import document_of
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import say, write_json, write_report
    from bisect_tool.terminal.terminal import write

    if as_json and markdown:
        raise UsageError("--json and --markdown cannot be used together", "Use only one of them.")
    here = home()
    document = document_of(session, Store(here.store, say), here, repo)
    if as_json:
        write_json(document)
    elif markdown:
        from bisect_tool.render.markdown import markdown as issue_body  # jinja2 is slow

        write(issue_body(document))
    else:
        write_report(document)
    log = here.session(document.session) / LOG_FILE
    if document.exit_code == ExitCode.ENVIRONMENT and log.is_file():
        say(f"Details: {log}")
    return 0
