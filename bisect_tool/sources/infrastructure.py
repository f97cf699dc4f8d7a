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
_OUT_OF_MEMORY = re.compile(r"out of memory|OutOfMemoryError|oom-kill", re.IGNORECASE)


def infrastructure_line(lines: Iterable[str]) -> str:
    """Return the log line that shows an infrastructure failure, or empty.

    Errors of pulling, connecting and writing count only before the tests begin: later the tests may cause
    them. GPU memory held by other processes counts at any time.
    """
    began = False
    for line in lines:
        began = began or _TESTS_BEGAN.search(line) is not None
        if _FREE_MEMORY.search(line) or (not began and _BEFORE_THE_TESTS.search(line)):
            return line
    return ""


def ran_out_of_memory(lines: Iterable[str]) -> bool:
    """Whether a log shows that the tested program ran out of memory."""
    return any(_OUT_OF_MEMORY.search(line) for line in lines)
