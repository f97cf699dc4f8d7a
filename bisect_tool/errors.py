"""Exceptions with a message and a hint for the user, and the table of exit codes."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says when it ends (a promise to users; see docs/reference)."""

    DONE = 0
    REGRESSION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENDPOINTS = 4
    ENVIRONMENT = 5
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class StepCode(IntEnum):
    """What `bisect-run step` ends with: the codes of a checker of `git bisect run`."""

    GOOD = 0
    BAD = 1
    SKIP = 125
    ABORT = 128


class BisectError(Exception):
    """An error with a message for a person: what was wrong, and in `hint` what to do about it."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BisectError):
    """The request itself cannot be carried out as it was written."""

    exit_code = ExitCode.USAGE


class EnvironmentFailed(BisectError):
    """The machine, the disk, the network or an environment failed; the session can be resumed."""

    exit_code = ExitCode.ENVIRONMENT
