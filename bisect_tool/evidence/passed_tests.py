"""Find the node ids of the tests that a log of pytest lists as passed or skipped. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.evidence.pytest_log import NODE
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PASSED, _SKIPPED = "PASSED", "SKIPPED"
_STARTED = re.compile(rf"{NODE}(?:\s+(?P<verdict>{_PASSED}|{_SKIPPED})\b)?")
_ENDED = re.compile(rf"(?P<verdict>{_PASSED}|{_SKIPPED}(?: \(.*\))?)(?:\s*\[ *\d+%\])?\s*$")
_XDIST = re.compile(rf"\[gw\d+\] \[ *\d+%\] (?P<verdict>{_PASSED}|{_SKIPPED}) {NODE}")
_RESET = re.compile(r"=+ .* =+$|\[\d+ bytes left out\]$")
"""After such a line, a verdict without a name does not belong to the test named before."""


def passed_tests(lines: Iterable[str]) -> frozenset[str]:
    """Return the tests that `-v` lists as passed, even if `-s` prints output before the verdict."""
    return frozenset(test for test, verdict in _verdicts(lines) if verdict.startswith(_PASSED))


def skipped_tests(lines: Iterable[str]) -> frozenset[str]:
    """Return the tests that `-v` lists as skipped, without those that passed in another run of pytest."""
    found = [*_verdicts(lines)]
    passed = {test for test, verdict in found if verdict.startswith(_PASSED)}
    return frozenset(test for test, _ in found) - passed


def _verdicts(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each test with what the log says of it."""
    node = ""
    for line in lines:
        if not any(sign in line for sign in ("::", _PASSED, _SKIPPED, "=====", "bytes left out")):
            continue
        text = clean_line(line[collector_prefix(line).end :])
        if found := _XDIST.match(text):
            yield found["node"], found["verdict"]
        elif found := _STARTED.match(text):
            node = found["node"]
            if found["verdict"]:
                yield node, found["verdict"]
        elif _RESET.match(text):
            node = ""
        elif node and (found := _ENDED.match(text)):
            yield node, found["verdict"]
            node = ""
