"""Exceptions with a message and a hint for the user, and the table of exit codes."""

from __future__ import annotations

import errno
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


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOTDIR)


def is_disk_error(error: BaseException) -> bool:
    """Whether an exception that was not expected comes from a disk that is full, broken or not writable."""
    return isinstance(error, OSError) and error.errno in _DISK


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of a process that an exception ends: its own, else ENVIRONMENT for the disk, else BUG."""
    if isinstance(error, BisectError):
        return error.exit_code
    return ExitCode.ENVIRONMENT if is_disk_error(error) else ExitCode.BUG
