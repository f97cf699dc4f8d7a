"""A command as a check: its exit code read as `git bisect run` reads it.

0 is good, 125 cannot be tested, 1-127 bad, and 128 or more (or death by a signal) stops the bisection
(https://git-scm.com/docs/git-bisect#_bisect_run).
"""

from __future__ import annotations

import time
from pathlib import Path

from bisect_tool.errors import BisectError, ExitCode
from bisect_tool.evidence import LogLine, SuiteFailure, explain, read_events
from bisect_tool.supervise.logs import read_lines
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

CELL = "command"
_CANNOT_TEST = 125
_FIRST_ABORT = 128
_EXCERPT_LINES = 2000


class CheckAborted(BisectError):
    """A command ended with 128 or more: as with `git bisect run`, that stops the bisection."""

    exit_code = ExitCode.ENVIRONMENT


def command_cell(reason: str, code: int | None, seconds: float, log: Path) -> CellResult:
    """The one cell of a command that ended for the guardian's `reason` with exit `code`.

    Raises:
        CheckAborted: the command ended with 128 or more, or was killed by a signal.
    """
    if reason in ("deadline", "idle"):
        seen = _failure("Hang", f"no end of the command ({reason})")
        return CellResult(cell=CELL, outcome=Outcome.HUNG, seconds=seconds, failure=_explain(seen, log))
    if code is None or code < 0 or code >= _FIRST_ABORT:
        raise CheckAborted(
            f"the command ended with {code}, which asks to stop (log: {log})",
            "Make it end with 1-124 for bad, 125 for cannot be tested; then `bisect-run resume`.",
        )
    if code == 0:
        return CellResult(cell=CELL, outcome=Outcome.PASSED, seconds=seconds)
    if code == _CANNOT_TEST:
        return CellResult(cell=CELL, outcome=Outcome.SKIPPED, seconds=seconds, reason="the command said 125")
    # Every code from 1 to 127 is one and the same failure to git, so the code stays out of the signature.
    seen = _failure("CommandFailed", "the command failed")
    return CellResult(
        cell=CELL, outcome=Outcome.FAILED, seconds=seconds, failure=_explain(seen, log), reason=f"exit code {code}"
    )
