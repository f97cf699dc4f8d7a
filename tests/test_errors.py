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
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), ExitCode.BUG),
        (ValueError("a bug of ours"), ExitCode.BUG),
    ],
)
def test_exit_code_of_an_error(error, code):
    assert exit_code_of(error) is code


def test_every_code_with_which_a_watch_can_end_has_a_priority():
    interrupted = {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert sorted(CODES_BY_PRIORITY) == sorted({*ExitCode} - interrupted)
