"""Healthy stretches of a log, left out in bulk: what is read from the rest is the same without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLLOWING = 512
"""Lines after a telling block that may belong to records which are open still (see `reader`)."""
_NAMES_KEPT = 10_000
_NAMED = re.compile(r"\(\w[^()\n]{0,60} pid=\d{1,9}\)")
_OF_PYTEST = ("::", "=====", "____")


def telling_lines(source: str, blocks: Iterable[str]) -> Iterator[LogLine]:
    """Yield the numbered lines of a log, but for those of blocks that tell nothing.

    Of such a block its last line is kept, for the time in it, and the first line of each process.

    Args:
        source: the name of the log.
        blocks: its text; each block but the last ends with the end of a line.
    """
    number, following = 1, FOLLOWING
    names: set[str] = set()
    for block in blocks:
        tells = PATTERNS.may_tell(block) or any(mark in block for mark in _OF_PYTEST)
        if following <= 0 and not tells:
            yield from _kept(source, block, number, names)
            number += block.count("\n")
            continue
        lines = block.removesuffix("\n").split("\n")
        for text in lines:
            yield LogLine(source, 0.0, text, number)
            number += 1
        following = FOLLOWING if tells else following - len(lines)


def _kept(source: str, block: str, number: int, names: set[str]) -> Iterator[LogLine]:
    last = block.rfind("\n", 0, -1) + 1
    places = {last}
    for name in set(_NAMED.findall(block)) - names:
        if len(names) < _NAMES_KEPT:
            names.add(name)
            places.add(block.rfind("\n", 0, block.find(name)) + 1)
    for place in sorted(places):
        text = block[place : block.find("\n", place) if place < last else None].removesuffix("\n")
        yield LogLine(source, 0.0, text, number + block.count("\n", 0, place))
