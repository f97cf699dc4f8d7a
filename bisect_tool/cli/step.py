"""`bisect-run step`: one commit, as a checker for `git bisect run`."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from bisect_tool import session as sessions
from bisect_tool.campaign import Purpose, Step
from bisect_tool.cli import options
from bisect_tool.cli.output import say
from bisect_tool.home import home
from bisect_tool.resolve import Words, resolve_one
from bisect_tool.store import Store
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

GOOD, BAD, SKIP, ABORT = 0, 1, 125, 128


def step(
    rev: Annotated[str, typer.Argument(help="The commit to test.")] = "HEAD",
    repo: options.Repo = None,
    scenario: options.Scenario = None,
    profile: options.Profile = None,
    cells: options.Cells = None,
    signature: Annotated[
        str, typer.Option("--signature", help="Only a failure whose signature contains this text is bad.")
    ] = "",
) -> int:
    """Test one commit: exit 0 good, 1 bad, 125 cannot be tested, 128 stop (a mistake or an interrupt)."""
    here = home()
    words = Words((), rev, repo or ".", scenario, profile, cells=tuple(cells or ()))
    store = Store(here.store)
    session = sessions.create(resolve_one(words, here), store, here)
    purpose = Step(session.request.bad, session.request.cells or None, Purpose.NARROW)
    result = sessions.run_one(session, store, purpose, threading.Event())
    verdicts = [_verdict(cell, signature) for cell in result.cells] or [SKIP]
    for cell in result.cells:
        say(f"{cell.cell}: {cell.outcome} {cell.failure.signature if cell.failure else cell.reason}")
    return BAD if BAD in verdicts else SKIP if SKIP in verdicts else GOOD


def _verdict(cell: CellResult, signature: str) -> int:
    if cell.outcome is Outcome.PASSED:
        return GOOD
    if cell.outcome in (Outcome.FAILED, Outcome.HUNG) and cell.failure is not None:
        return BAD if signature in str(cell.failure.signature) else SKIP
    return SKIP
