"""Find the node ids of the tests that a log of pytest lists as passed. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.evidence.pytest_log import NODE
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STARTED = re.compile(rf"{NODE}(?P<passed>\s+PASSED\b)?")
_ENDED = re.compile(r"PASSED(?:\s*\[ *\d+%\])?\s*$")
_XDIST = re.compile(rf"\[gw\d+\] \[ *\d+%\] PASSED {NODE}")
_RESET = re.compile(r"=+ .* =+$|\[\d+ bytes left out\]$")
"""After such a line, a verdict without a name does not belong to the test named before."""


def passed_tests(lines: Iterable[str]) -> frozenset[str]:
    """Return the tests that `-v` lists as passed, even if `-s` prints output before the verdict."""
    return frozenset(_passed(lines))


def _passed(lines: Iterable[str]) -> Iterator[str]:
    node = ""
    for line in lines:
        if not ("::" in line or "PASSED" in line or "=====" in line or "bytes left out" in line):
            continue
        text = clean_line(line[collector_prefix(line).end :])
        if found := _XDIST.match(text):
            yield found["node"]
        elif found := _STARTED.match(text):
            node = found["node"]
            if found["passed"]:
                yield node
        elif _RESET.match(text):
            node = ""
        elif node and _ENDED.match(text):
            yield node
            node = ""
