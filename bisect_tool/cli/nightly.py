"""`bisect-run nightly`: what to do about the results of earlier runs; runs nothing yet."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bisect_tool.errors import ExitCode, UsageError
from bisect_tool.options import shared_options

EXAMPLES = (
    "bisect-run nightly --results 'runs/*/junit.xml' --dry-run",
    "bisect-run nightly --repo engine --ref origin/main --results results/ --dry-run --json",
)
_SERIES = "results"
_COMMITS = 10_000


def nightly(
    results: Annotated[
        list[str],
        typer.Option(
            "--results",
            metavar="PATTERN",
            help="JUnit XML files of earlier runs: a pattern, a file or a folder; may be repeated.",
        ),
    ],
    repo: shared_options.Repo = None,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="The branch or commit whose history counts.")
    ] = "HEAD",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and why. Required for now.")
    ] = False,
    as_json: shared_options.AsJson = False,
) -> int:
    """Decide what to do about earlier test results."""
    from bisect_tool.git import Repository
    from bisect_tool.nightly.decide import decide
    from bisect_tool.nightly.decision import Bisect
    from bisect_tool.nightly.history import History
    from bisect_tool.paths import home
    from bisect_tool.render.nightly import render_nightly, to_json
    from bisect_tool.sanitise import redact, secret_values
    from bisect_tool.sources.junit_files import junit_observations
    from bisect_tool.terminal import terminal
    from bisect_tool.terminal.output import say

    if not dry_run:
        raise UsageError("nightly does not start bisections yet", "Add --dry-run, and run what it prints.")
    where = repo or "."
    repository = Repository.open(where, home().cache, say)
    history = History(repository.first_parents(repository.resolve(ref), _COMMITS))
    found = [
        each for pattern in results for each in junit_observations(pattern, _SERIES, say, history.full_id)
    ]
    decisions = decide(found, history.commits)
    report = to_json(decisions) if as_json else render_nightly(decisions, where)
    terminal.write(redact(report, secret_values(os.environ)))
    is_new = any(isinstance(decision, Bisect) for decision in decisions.values())
    return ExitCode.REGRESSION if is_new else ExitCode.DONE
