"""`bisect-run explain`: find the root cause of a failure in logs of any program and CI; runs nothing."""

from __future__ import annotations

import os
from functools import partial

from bisect_tool.errors import ExitCode
from bisect_tool.options.declared_options import takes
from bisect_tool.options.reading_options import ExplainOptions
from bisect_tool.options.validate import require_one_format

EXAMPLES = (
    "bisect-run explain build.log",
    "bisect-run explain failed.log --against passed.log --markdown",
)


@takes(ExplainOptions)
def explain(options: ExplainOptions) -> int:
    """Find the root cause of a failure in log files."""
    require_one_format(options)
    from rich.text import Text

    from bisect_tool.evidence import explain_log, signatures
    from bisect_tool.log_input.files import LogFiles
    from bisect_tool.render.explain import document, explanations, render_explanations
    from bisect_tool.sanitise import redact, secret_values
    from bisect_tool.terminal import writer
    from bisect_tool.terminal.output import notify

    files = LogFiles(options.logs, notify)
    known_good = signatures(LogFiles(options.against, notify).lines()) if options.against else frozenset()
    found = explain_log(files.lines(), known_good)
    hide = partial(redact, secrets=secret_values(os.environ))
    explained = explanations(found, files.location, hide)
    no_failure = "No failure found" + (" that is not also in the passing log." if options.against else ".")
    if options.as_json:
        writer.write(document(explained))
    elif options.as_markdown:
        from bisect_tool.render.explain_markdown import markdown  # Jinja takes its time

        writer.write(markdown(explained))
    else:
        writer.show(render_explanations(explained) if explained else Text(no_failure))
    return ExitCode.DONE if explained else ExitCode.ENDPOINTS
