"""Describe a cause of failures in one plain line, for titles, messages and the log of a CI job."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING

from bisect_tool.format import count, short
from bisect_tool.render.public_document import without_homes
from bisect_tool.sanitise import inert_line
from bisect_tool.trial.command_cell import CELL

if TYPE_CHECKING:
    from bisect_tool.json_document.document import CellReport, CommitInfo, Document, FailureReport
    from bisect_tool.json_document.nightly import Cause

_CELL_LIMIT = 120


def title(cause: Cause) -> str:
    """The title of a cause: `test_a[4] and 2 more cells failing since 27066d1b2 (PR 34730)`.

    It does not depend on the state, mentions no person, and refers to no issue.
    """
    return f"{_cells(cause)} failing{_since(cause)}"


def headline(cause: Cause) -> str:
    """The cause below a heading that names its state: `test_a[4], which had failed since 27066d1b2`.

    It is `title` unless the cause is fixed.
    """
    return title(cause) if cause.state != "fixed" else f"{_cells(cause)}, which had failed{_since(cause)}"


def culprit(cause: Cause) -> CommitInfo | None:
    """The culprit's commit, if its details are known."""
    return cause.document.commits.get(cause.culprit) if cause.document else None


def tested_cell(cause: Cause) -> tuple[str, CellReport] | None:
    """The name and report of the first cell that was run at the culprit; None if there is none."""
    cells = cause.document.cells if cause.document else {}
    for name, cell in cells.items():
        if cell.culprit and cell.culprit.sha == cause.culprit and cell.culprit_runs:
            return name, cell
    return None


def failure_at(document: Document, sha: str) -> FailureReport | None:
    """The first failure at a commit, if any."""
    every = (*document.failures, *([document.failure] if document.failure else ()))
    return next((each for each in every if each.sha == sha), None)


def _cells(cause: Cause) -> str:
    if not cause.cells:
        return "build"
    first = inert_line(_name(cause), _CELL_LIMIT)
    more = len(cause.cells) - 1
    return f"{first} and {count(more, 'more cell')}" if more else first


def _name(cause: Cause) -> str:
    """The first cell; for a command, which has only one cell, the command itself."""
    check = cause.document.check if cause.document else None
    if check is None or cause.cells[0] != CELL:
        return cause.cells[0]
    program, *arguments = check.argv
    return without_homes(shlex.join((PurePath(program).name, *arguments)))


def _since(cause: Cause) -> str:
    if not cause.culprit:
        many = len(cause.candidates)
        return (
            f" since one of {count(many, 'commit')}"
            if many > 1
            else f" since a commit after {short(cause.good)}"
        )
    commit = culprit(cause)
    request = f" (PR {commit.pr})" if commit and commit.pr is not None else ""
    return f" since {short(cause.culprit)}{request}"
