"""Skip parts of a log in bulk that would not change what is read from the rest."""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from itertools import chain, count, repeat
from typing import TYPE_CHECKING

from bisect_tool.evidence.event_prefilter import line_shapes
from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.evidence.repeated_lines import RepeatedBlocks, with_end_marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLLOWING = 512
"""Lines after one that can begin an event which may belong to records still open (see `reader`)."""
_NAMES_KEPT = 10_000
_LINE = partial(tuple.__new__, LogLine)
"""`LogLine._make` without a call in Python for each of millions of lines."""
_ASKED = 4096
_TIME = re.compile(r"\d\d:\d\d")
_NAMED = re.compile(r"\(\w[^()\n]{0,60} pid=\d{1,9}\)")


def relevant_lines(source: str, blocks: Iterable[str]) -> Iterator[LogLine]:
    """Yield the numbered lines of a log, without parts that would not change what is read from the rest.

    Of a block in which no event can begin, the last line with a time and the very last one are kept, and the
    first line of each process. A block that only repeats what was read before (see `repeated_lines`) is left
    out as a whole.

    Args:
        source: the name of the log.
        blocks: its text; each block but the last ends with the end of a line.
    """
    number, following = 1, FOLLOWING
    names: set[str] = set()
    repeated = RepeatedBlocks(FOLLOWING)
    for block, at_end in with_end_marked(blocks):
        shapes = line_shapes(block)
        events = PATTERNS.prefilter.matching(shapes)
        length = block.count("\n") + (not block.endswith("\n"))
        if following <= 0 and not events:
            yield from _kept(source, block, number, names)
            repeated.take_skipped()
        elif repeated.skip(shapes, block, at_end=at_end):
            following -= length
        else:
            before = repeated.take_skipped()
            lines = chain(before, block.removesuffix("\n").split("\n"))
            yield from map(_LINE, zip(repeat(source), repeat(0.0), lines, count(number - len(before))))
            following = (events[-1] + FOLLOWING if events else following) - length
        number += length


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
    """Return the start of the last line that may have a time; only the last lines are searched."""
    found = deque(_TIME.finditer(block, max(len(block) - _ASKED, 0)), maxlen=1)
    return block.rfind("\n", 0, found[0].start() if found else -1) + 1
