"""The cell of a command: its exit code has the meaning that it has in `git bisect run`.

0 is good, 125 cannot be tested, 1-127 bad, and 128 or more (or death by a signal) stops the bisection
(https://git-scm.com/docs/git-bisect#_bisect_run). A command that the kernel killed because memory ran out has
failed: the machine may be to blame, so the planner compares it with other runs.
"""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError, ExitCode
from bisect_tool.evidence import (
    Event,
    Failure,
    Signature,
    command_failure,
    exit_text,
    explain_log,
    signal_name,
    with_chain,
)
from bisect_tool.evidence.command_failure import NO_OUTPUT, ROLE, reported_as_failed
from bisect_tool.evidence.no_tests import no_test_ran, no_test_started
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.sanitise import clean, clean_line, redact, secret_values
from bisect_tool.supervise.guardian_protocol import Reason
from bisect_tool.supervise.logs import last_lines
from bisect_tool.trial.log_lines import ALWAYS, Relevance, merged_lines
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bisect_tool.supervise.guardian_protocol import GuardianResult

CELL = "command"
_CANNOT_TEST = 125
_FIRST_ABORT = 128
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
_LINES_READ, _LINE_LIMIT = 10_000, 500
_EXCERPT_LINES = 40
_REASON_LIMIT = 200
_TESTS_KEPT = 500


class CheckAborted(BisectError):
    """A command ended with 128 or more: as with `git bisect run`, that stops the bisection."""

    exit_code = ExitCode.ENVIRONMENT


def command_cell(argv: Sequence[str], ended: GuardianResult, log: Path) -> CellResult:
    """Return the one cell of a command, whose output is in `log`.

    Raises:
        CheckAborted: the command ended with 128 or more, or was killed by a signal, other than by the kernel
            because memory ran out.
    """
    code, seconds = ended.exit_code, ended.seconds
    if ended.reason in (Reason.DEADLINE, Reason.IDLE):
        return CellResult(
            cell=CELL, outcome=Outcome.HUNG, seconds=seconds, failure=_hang(ended.reason, ended.ended, log)
        )
    if ended.not_started:
        return not_started(ended.not_started)
    if ended.reason is Reason.LOST or code is None:
        raise CheckAborted(
            f"the guardian was killed, and the command with it (log: {log})",
            "Check that the command does not kill its parent process, then resume.",
        )
    out_of_memory = ended.load is not None and ended.load.oom_kills > 0 and code in _KILLED
    if (code < 0 or code >= _FIRST_ABORT) and not out_of_memory:
        raise _aborted(argv, code, log)
    if code == 0:
        return _passed(_output(log, _LINES_READ), seconds)
    if code == _CANNOT_TEST:
        return CellResult(cell=CELL, outcome=Outcome.SKIPPED, seconds=seconds, reason=_why_untested(log))
    failure = output_failure(log, code, ended.ended)
    message = clean_line(no_test_started(_output(log, _LINES_READ)), _REASON_LIMIT)
    return CellResult(cell=CELL, outcome=Outcome.FAILED, seconds=seconds, failure=failure, no_tests=message)


def _passed(lines: Sequence[str], seconds: float) -> CellResult:
    """Return the cell of a command that passed, with lines of its output that cast doubt on it."""
    return CellResult(
        cell=CELL,
        outcome=Outcome.PASSED,
        seconds=seconds,
        no_tests=clean_line(no_test_ran(lines), _REASON_LIMIT),
        failed_tests=reported_as_failed(lines)[:_TESTS_KEPT],
    )


def output_failure(log: Path, code: int, time: float) -> Failure:
    """Return the failure of a program that ended with `code` at `time` (epoch seconds), from its log."""
    failure = command_failure(_output(log, _LINES_READ), code, time, log.stem)
    return with_chain(failure, explain_log(merged_lines([log], ALWAYS, Relevance(PATTERNS.may_begin_event))))


def not_started(why: str) -> CellResult:
    """Return the cell of a command that could not be started, which gives no result for a commit."""
    return CellResult(cell=CELL, outcome=Outcome.SKIPPED, reason=clean_line(why))


def _why_untested(log: Path) -> str:
    """Return the reason of exit code 125, with the relevant line of the output."""
    root = command_failure(_output(log, _LINES_READ), _CANNOT_TEST, 0.0, log.stem).root
    text = ": ".join(part for part in (root.exception, root.message) if part)
    return "exit code 125" + ("" if text == NO_OUTPUT else f": {clean_line(text, _REASON_LIMIT)}")


def _aborted(argv: Sequence[str], code: int, log: Path) -> CheckAborted:
    """Return the error that stops the bisection; its hint says how to count a crash as bad."""
    wrapped = shlex.quote(f"{shlex.join(argv)} || exit 1")
    advice = (
        f"Make it exit with 1-124 (bad) or 125 (cannot be tested), or start again with: -- sh -c {wrapped}"
    )
    if signal_name(code):
        advice = f"If you are looking for this crash, start again with: -- sh -c {wrapped}"
    did = "was killed by" if code < 0 else "ended with"
    return CheckAborted(
        f"the command {did} {exit_text(code)}, which stops the run, as with git bisect run (log: {log})",
        advice,
    )


def _hang(reason: str, time: float, log: Path) -> Failure:
    message = f"the command did not end ({reason})"
    tail = _output(log, _EXCERPT_LINES)
    event = Event(
        time=time,
        source=log.stem,
        role=ROLE,
        kind="hang",
        severity="error",
        exception="Hang",
        message=message,
        lines=tail,
    )
    signature = Signature(role=ROLE, exception="Hang", message=message)
    return Failure(root=event, chain=(event,), signature=signature, excerpt="\n".join(tail))


def _output(log: Path, count: int) -> tuple[str, ...]:
    """Return the last lines of the output, cleaned and without secrets."""
    secrets = secret_values(os.environ)
    return tuple(clean_line(redact(clean(text), secrets), _LINE_LIMIT) for text in last_lines(log, count))
