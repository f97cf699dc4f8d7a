"""Exceptions with a message and a hint for the user, and the table of exit codes."""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, which are stable (see docs/reference)."""

    DONE = 0
    REGRESSION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENDPOINTS = 4
    ENVIRONMENT = 5
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


RESULT_CODES = (ExitCode.DONE, ExitCode.REGRESSION, ExitCode.INCONCLUSIVE, ExitCode.ENDPOINTS)
"""The codes of commands that came to a result, which is printed."""
RESUMABLE_CODES = (ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED, ExitCode.TERMINATED)
"""The codes of sessions that `resume` continues."""
CODES_WITH_DETAILS = (ExitCode.ENVIRONMENT, ExitCode.BUG)
"""The codes after which the path of the diagnostic log is printed."""
CODES_BY_PRIORITY = (
    ExitCode.DONE,
    ExitCode.INCONCLUSIVE,
    ExitCode.ENDPOINTS,
    ExitCode.USAGE,
    ExitCode.ENVIRONMENT,
    ExitCode.BUG,
    ExitCode.REGRESSION,
)
"""The codes of watches, by increasing priority: no later night reports a regression as new again."""


class StepCode(IntEnum):
    """The exit codes of `bisect-run step`, as `git bisect run` reads them."""

    GOOD = 0
    BAD = 1
    SKIP = 125
    ABORT = 128


class BisectError(Exception):
    """An error for the user: `message` says what was wrong, `hint` what to do about it."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BisectError):
    """The request cannot be carried out as given."""

    exit_code = ExitCode.USAGE


class EnvironmentFailed(BisectError):
    """The machine, the disk, the network or an environment failed; the session can be resumed."""

    exit_code = ExitCode.ENVIRONMENT


_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.EACCES, errno.EPERM, errno.ENOTDIR),
)


_RESOURCES = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
_NO_THREAD = "can't start new thread"


def is_disk_error(error: BaseException) -> bool:
    """Whether an unexpected exception comes from a disk that is full, broken or not writable."""
    return isinstance(error, OSError) and error.errno in _DISK


def is_resource_error(error: BaseException) -> bool:
    """Whether an unexpected exception says that memory, processes, threads or open files are used up."""
    if isinstance(error, OSError):
        return error.errno in _RESOURCES
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and str(error) == _NO_THREAD)


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code for an exception: its own, else ENVIRONMENT if the machine lacks something, else BUG."""
    if isinstance(error, BisectError):
        return error.exit_code
    return ExitCode.ENVIRONMENT if is_disk_error(error) or is_resource_error(error) else ExitCode.BUG
