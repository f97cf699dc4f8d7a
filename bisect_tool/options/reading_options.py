"""The options of the commands that read logs and web pages: `explain` and `triage`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from bisect_tool.options.shared_options import AsJson, AsMarkdown, Repo


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """The options of `explain`: the logs of a failure."""

    logs: Annotated[
        tuple[str, ...],
        typer.Argument(
            metavar="LOG", help="Log files, directories, archives or JUnit XML files; - reads stdin."
        ),
    ]
    against: Annotated[
        tuple[str, ...],
        typer.Option(
            "--against",
            metavar="LOG",
            help="Log of a passing run: errors that it contains are ignored; may be repeated.",
        ),
    ] = ()
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON document instead of the report.")
    ] = False
    as_markdown: AsMarkdown = False


@dataclass(frozen=True, kw_only=True)
class TriageOptions:
    """The options of `triage`: the page of an issue or a build, and its project."""

    page: Annotated[
        str,
        typer.Argument(
            metavar="ISSUE|BUILD|FILE",
            help="URL of an issue or build, or a saved page (HTML, JSON, Markdown, text); - reads stdin.",
        ),
    ]
    repo: Repo = None
    as_json: AsJson = False
    as_markdown: AsMarkdown = False
