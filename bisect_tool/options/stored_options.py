"""The options of the commands for stored sessions: `resume`, `status` and `report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from bisect_tool.options.shared_options import AsJson, AsMarkdown, MovedTo, SessionId


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """The options of `resume`."""

    session: SessionId = "last"
    repo: MovedTo = None
    edited_check: Annotated[
        bool,
        typer.Option(
            "--edited-check",
            help="Reuse trials that ran before the check or scenario was edited.",
        ),
    ] = False
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class StatusOptions:
    """The options of `status`."""

    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="Session id, the beginning or end of one, or `last`."),
    ] = None
    repo: MovedTo = None
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of `report`."""

    session: SessionId = "last"
    repo: MovedTo = None
    as_json: AsJson = False
    as_markdown: AsMarkdown = False
