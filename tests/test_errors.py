"""The exit code of each kind of error."""

import errno

import pytest

from bisect_tool.errors import (
    CODES_BY_PRIORITY,
    BisectError,
    EnvironmentFailed,
    ExitCode,
    UsageError,
    exit_code_of,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such commit"), ExitCode.USAGE),
        (EnvironmentFailed("no network"), ExitCode.ENVIRONMENT),
        (BisectError("unclassified"), ExitCode.BUG),
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.ENVIRONMENT),
        (PermissionError(errno.EACCES, "Permission denied"), ExitCode.ENVIRONMENT),
        (MemoryError(), ExitCode.ENVIRONMENT),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ExitCode.ENVIRONMENT),
        (OSError(errno.EMFILE, "Too many open files"), ExitCode.ENVIRONMENT),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), ExitCode.ENVIRONMENT),
        (RuntimeError("can't start new thread"), ExitCode.ENVIRONMENT),
        (RuntimeError("a bug of ours"), ExitCode.BUG),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), ExitCode.BUG),
        (ValueError("a bug of ours"), ExitCode.BUG),
    ],
)
def test_exit_code_of_an_error(error, code):
    assert exit_code_of(error) is code


def test_every_exit_code_of_a_watch_has_a_priority():
    interrupted = {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert sorted(CODES_BY_PRIORITY) == sorted({*ExitCode} - interrupted)
