"""Failures of the infrastructure, by how a job ended and by what its log says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENT_LOST = -1
CONTAINER_RUNTIME = 125
KILLED = 137

EXIT_CODES = frozenset({AGENT_LOST, CONTAINER_RUNTIME, KILLED})
"""Exit codes that say nothing about the commit; of a job that was killed its log can tell more."""

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
    """The line of a log that blames the infrastructure, or empty.

    Pulling an image, connecting and writing count before the tests begin only: later they may be what is
    tested. GPU memory that others hold counts at any time.
    """
    began = False
    for line in lines:
        began = began or _TESTS_BEGAN.search(line) is not None
        if _FREE_MEMORY.search(line) or (not began and _BEFORE_THE_TESTS.search(line)):
            return line
    return ""


def ran_out_of_memory(lines: Iterable[str]) -> bool:
    """Whether a log says that the program itself ran out of memory."""
    return any(_OUT_OF_MEMORY.search(line) for line in lines)
