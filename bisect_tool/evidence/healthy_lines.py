"""Healthy stretches of a log, left out in bulk: what is read from the rest is the same without them."""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from itertools import count, repeat
from typing import TYPE_CHECKING

from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLLOWING = 512
"""Lines after a telling one that may belong to records which are open still (see `reader`)."""
_NAMES_KEPT = 10_000
_LINE = partial(tuple.__new__, LogLine)
"""`LogLine._make` without a call in Python for each of millions of lines."""
_ASKED = 4096
_TIME = re.compile(r"\d\d:\d\d")
_NAMED = re.compile(r"\(\w[^()\n]{0,60} pid=\d{1,9}\)")


def telling_lines(source: str, blocks: Iterable[str]) -> Iterator[LogLine]:
    """Yield the numbered lines of a log, but for those of blocks that tell nothing.

    Of such a block the last line with a time and the very last one are kept, and the first line of each
    process.

    Args:
        source: the name of the log.
        blocks: its text; each block but the last ends with the end of a line.
    """
    number, following = 1, FOLLOWING
    names: set[str] = set()
    for block in blocks:
        telling = PATTERNS.telling.lines(block)
        if following <= 0 and not telling:
            yield from _kept(source, block, number, names)
            number += block.count("\n")
            continue
        lines = block.removesuffix("\n").split("\n")
        yield from map(_LINE, zip(repeat(source), repeat(0.0), lines, count(number)))
        number += len(lines)
        following = telling[-1] + FOLLOWING - len(lines) if telling else following - len(lines)


def _kept(source: str, block: str, number: int, names: set[str]) -> Iterator[LogLine]:
    places = {_last_stamped(block), block.rfind("\n", 0, -1) + 1}
    for name in set(_NAMED.findall(block)) - names:
        if len(names) < _NAMES_KEPT:
            names.add(name)
            places.add(block.rfind("\n", 0, block.find(name)) + 1)
    for place in sorted(places):
        end = block.find("\n", place)
        text = block[place : end if end >= 0 else None]
        yield LogLine(source, 0.0, text, number + block.count("\n", 0, place))


def _last_stamped(block: str) -> int:
    """Where the last line begins that may hold a time; the last lines are asked."""
    found = deque(_TIME.finditer(block, max(len(block) - _ASKED, 0)), maxlen=1)
    return block.rfind("\n", 0, found[0].start() if found else -1) + 1
