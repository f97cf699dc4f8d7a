"""`bisect-run report`: render a session, finished or not."""

from __future__ import annotations

from bisect_tool.diagnostics import LOG_FILE
from bisect_tool.errors import CODES_WITH_DETAILS
from bisect_tool.options.declared_options import takes
from bisect_tool.options.stored_options import ReportOptions
from bisect_tool.options.validate import require_one_format

EXAMPLES = (
    "bisect-run report",
    "bisect-run report last --markdown",
)


@takes(ReportOptions)
def report(options: ReportOptions) -> int:
    """Print a session's report as text, JSON or Markdown."""
    require_one_format(options)
    from bisect_tool.json_document.stored_session import document_of
    from bisect_tool.paths import home
    from bisect_tool.session.log_files import pruned_at
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import notify, write_json, write_report
    from bisect_tool.terminal.writer import write

    here = home()
    document = document_of(options.session, Store(here.store, notify), here, options.repo)
    if options.as_json:
        write_json(document)
    elif options.as_markdown:
        from bisect_tool.render.markdown import markdown as issue_body  # jinja2 is slow

        write(issue_body(document))
    else:
        write_report(document)
    if pruned := pruned_at(here, document.session):
        notify(f"Its logs up to {pruned:%Y-%m-%d %H:%M} UTC were removed by `bisect-run prune`.")
    log = here.session(document.session) / LOG_FILE
    if document.exit_code in CODES_WITH_DETAILS and log.is_file():
        notify(f"Details: {log}")
    return 0
