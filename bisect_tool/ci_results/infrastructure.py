"""Recognise infrastructure failures by the exit code and the log of a job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENT_LOST = -1
CONTAINER_RUNTIME = 125
KILLED = 137

EXIT_CODES = frozenset({AGENT_LOST, CONTAINER_RUNTIME, KILLED})
"""Exit codes that say nothing about the commit; the log of a killed job may say more."""

_BEFORE_THE_TESTS = re.compile(
    r"toomanyrequests|manifest (?:for \S+ not found|unknown)|no space left on device|connection refused"
    r"|error pulling image|failed to (?:pull|resolve) (?:image|reference)|TLS handshake timeout"
    r"|error response from daemon",
    re.IGNORECASE,
)
_FREE_MEMORY = re.compile(r"free memory on device .{0,200}less than desired", re.IGNORECASE)
_TESTS_BEGAN = re.compile(r"=+ test session starts =+|::\w+.* (?:PASSED|FAILED|ERROR)\b")
_KILLED = re.compile(
    rf"##\[error\](?:Process completed with exit code (?:{CONTAINER_RUNTIME}|{KILLED})\b"
    r"|The runner has received a shutdown signal)"
)
_OUT_OF_MEMORY = re.compile(r"out of memory|OutOfMemoryError|oom-kill", re.IGNORECASE)


def infrastructure_line(lines: Iterable[str]) -> str:
    """Return the log line that shows an infrastructure failure, or empty.

    Errors of pulling, connecting and writing count only if no tests began: later the tests may cause them,
    and earlier ones were overcome. GPU memory held by other processes counts at any time.
    """
    began, found = False, ""
    for line in lines:
        if _FREE_MEMORY.search(line):
            return line
        began = began or _TESTS_BEGAN.search(line) is not None
        if not began and not found and _BEFORE_THE_TESTS.search(line):
            found = line
    return "" if began else found


def was_killed(lines: Iterable[str]) -> bool:
    """Whether the runner of GitHub says that the job was killed, or lost its machine."""
    return any(_KILLED.search(line) for line in lines)


def ran_out_of_memory(lines: Iterable[str]) -> bool:
    """Whether a log shows that the tested program ran out of memory."""
    return any(_OUT_OF_MEMORY.search(line) for line in lines)
