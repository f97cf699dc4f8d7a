"""A command as a check: its exit code read as `git bisect run` reads it.

0 is good, 125 cannot be tested, 1-127 bad, and 128 or more (or death by a signal) stops the bisection
(https://git-scm.com/docs/git-bisect#_bisect_run).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError, ExitCode
from bisect_tool.evidence import Event, Failure, Signature
from bisect_tool.supervise.logs import last_lines
from bisect_tool.text import clean_line, redact, secret_values
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from pathlib import Path

CELL = "command"
_CANNOT_TEST = 125
_FIRST_ABORT = 128
_EXCERPT_LINES = 40
_ROLE = "Command"


class CheckAborted(BisectError):
    """A command ended with 128 or more: as with `git bisect run`, that stops the bisection."""

    exit_code = ExitCode.ENVIRONMENT


def command_cell(reason: str, code: int | None, seconds: float, ended: float, log: Path) -> CellResult:
    """The one cell of a command that `ended` (epoch seconds) for the guardian's `reason` with exit `code`.

    Raises:
        CheckAborted: the command ended with 128 or more, or was killed by a signal.
    """
    if reason in ("deadline", "idle"):
        failure = _failure("Hang", f"no end of the command ({reason})", ended, log)
        return CellResult(cell=CELL, outcome=Outcome.HUNG, seconds=seconds, failure=failure)
    if reason == "lost":
        raise CheckAborted(
            f"the command's guardian was killed, and the command with it (log: {log})",
            "A command that kills its parent cannot be told from one that was ended from outside.",
        )
    if code is None or code < 0 or code >= _FIRST_ABORT:
        raise CheckAborted(
            f"the command ended with {code}, which asks to stop (log: {log})",
            "Let it end with 1-124 for bad, 125 for cannot be tested.",
        )
    if code == 0:
        return CellResult(cell=CELL, outcome=Outcome.PASSED, seconds=seconds)
    if code == _CANNOT_TEST:
        return CellResult(cell=CELL, outcome=Outcome.SKIPPED, seconds=seconds, reason="the command said 125")
    failure = _failure("", "the command failed", ended, log)
    reason = f"exit code {code}"
    return CellResult(cell=CELL, outcome=Outcome.FAILED, seconds=seconds, failure=failure, reason=reason)


def _failure(exception: str, message: str, ended: float, log: Path) -> Failure:
    """One event without a chain: to git, every code from 1 to 127 is the same failure."""
    secrets = secret_values(os.environ)
    last = last_lines(log, _EXCERPT_LINES)
    tail = tuple(clean_line(redact(text, secrets)) for text in last)
    event = Event(
        time=ended,
        source=log.stem,
        role=_ROLE,
        kind="hang" if exception else "exit",
        severity="error",
        exception=exception,
        message=message,
        lines=tail,
    )
    signature = Signature(role=_ROLE, exception=exception, message=message)
    return Failure(root=event, chain=(event,), signature=signature, excerpt="\n".join(tail))
