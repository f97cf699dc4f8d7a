"""`bisect-run triage`: extract what an issue or build page says about a regression; runs nothing."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import ExitCode, UsageError
from bisect_tool.options.declared_options import takes
from bisect_tool.options.reading_options import TriageOptions
from bisect_tool.options.validate import require_one_format
from bisect_tool.sanitise import clean_line, redact, secret_values

if TYPE_CHECKING:
    from collections.abc import Mapping

_STDIN = "-"
_LIMIT = 32 * 2**20
_HEAD = 4096
_FUNCTION = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)


EXAMPLES = (
    "bisect-run triage issue.html",
    "bisect-run triage https://github.com/owner/engine/issues/36624 --repo engine",
)


@takes(TriageOptions)
def triage(options: TriageOptions) -> int:
    """List what an issue or build page says about a regression."""
    require_one_format(options)
    from bisect_tool.git import Repository
    from bisect_tool.paths import home
    from bisect_tool.render.triage import render_triage, to_json
    from bisect_tool.terminal import writer
    from bisect_tool.terminal.output import notify
    from bisect_tool.triage.address import is_address
    from bisect_tool.triage.analyse import analyse, completed
    from bisect_tool.triage.fetch import fetch_page
    from bisect_tool.triage.next_commands import Context
    from bisect_tool.triage.read_page import is_html, is_json, read_page
    from bisect_tool.triage.resolve import not_on_main, paths_of_tests, resolved

    page, repo = options.page, options.repo
    local = not is_address(page)
    text = _saved(page) if local else fetch_page(page, os.environ)
    found = analyse(read_page(redact(text, secret_values(os.environ))))
    paths: Mapping[str, str] = {}
    unmerged: frozenset[int] = frozenset()
    if repo is not None:
        repository = Repository.open(repo, home().cache, notify)
        found, paths = resolved(found, repository), paths_of_tests(found, repository)
        unmerged = not_on_main(found, repository)
    readable = local and page != _STDIN and not is_html(text) and not is_json(text)
    file = page if readable else ""  # for `explain`, which reads text
    found = completed(found, Context(repo or "", file, _suites(), paths, unmerged))
    if options.as_json:
        writer.write(to_json(found))
    elif options.as_markdown:
        from bisect_tool.render.triage_markdown import markdown  # Jinja takes its time

        writer.write(markdown(found))
    else:
        writer.show(render_triage(found))
    return ExitCode.DONE if found.has_ends else ExitCode.INCONCLUSIVE


def _saved(page: str) -> str:
    """Return the text of a saved page.

    Raises:
        UsageError: it cannot be read, is not text, or is too long for a page.
    """
    from bisect_tool.log_input.files import encoding_of

    name = "stdin" if page == _STDIN else clean_line(page, 300)
    try:
        with os.fdopen(os.dup(sys.stdin.fileno()), "rb") if page == _STDIN else Path(page).open("rb") as file:
            data = file.read(_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{name} cannot be read: {clean_line(reason, 200)}") from None
    if len(data) > _LIMIT:
        raise UsageError(
            f"{name} is larger than {_LIMIT >> 20} MiB, too large for a page",
            "If it is a log, use `bisect-run explain`, which reads logs of any size.",
        )
    text = data.decode(encoding_of(data[:_HEAD]), "replace")
    if not text.strip() or "\0" in text[:_HEAD]:
        raise UsageError(f"{name} contains no text", "Save the page as HTML or as text.")
    return text


def _suites() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Return the repository and the test functions of each bundled scenario."""
    from bisect_tool import scenario as scenarios

    found = {}
    for name in scenarios.available():
        scenario = scenarios.load(name)
        if not scenario.suite:
            continue
        suite = scenario.suite_path.read_text(encoding="utf-8")
        found[name] = scenario.repository, frozenset(_FUNCTION.findall(suite))
    return found
