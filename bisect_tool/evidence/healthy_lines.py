"""Skip blocks of a log that do not affect the events read from it."""

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

CONTEXT_LINES = 512
"""Lines after one that can begin an event; they may belong to a record that is still open (see `reader`)."""
_NAMES_KEPT = 10_000
_LINE = partial(tuple.__new__, LogLine)
"""`LogLine._make`, but without a Python call for each of millions of lines."""
_SEARCHED_CHARS = 4096
_TIME = re.compile(r"\d\d:\d\d")
_NAMED = re.compile(r"\(\w[^()\n]{0,60} pid=\d{1,9}\)")


def relevant_lines(source: str, blocks: Iterable[str]) -> Iterator[LogLine]:
    """Yield the numbered lines of a log, without those that do not affect its events.

    Of a block in which no event can begin, only these lines are kept: the last one with a time, the last one,
    and the first one of each process. A block that only repeats earlier lines (see `repeated_lines`) is left
    out.

    Args:
        source: the name of the log.
        blocks: its text; each block but the last ends with the end of a line.
    """
    number, remaining = 1, CONTEXT_LINES
    names: set[str] = set()
    repeated = RepeatedBlocks(CONTEXT_LINES)
    for block, at_end in with_end_marked(blocks):
        shapes = line_shapes(block)
        events = PATTERNS.prefilter.matching(shapes)
        length = block.count("\n") + (not block.endswith("\n"))
        if remaining <= 0 and not events:
            yield from _lines_to_keep(source, block, number, names)
            repeated.take_skipped()
        elif repeated.skip(shapes, block, at_end=at_end):
            remaining -= length
        else:
            before = repeated.take_skipped()
            lines = chain(before, block.removesuffix("\n").split("\n"))
            yield from map(_LINE, zip(repeat(source), repeat(0.0), lines, count(number - len(before))))
            remaining = (events[-1] + CONTEXT_LINES if events else remaining) - length
        number += length


def _lines_to_keep(source: str, block: str, number: int, names: set[str]) -> Iterator[LogLine]:
    starts = {_last_stamped(block), block.rfind("\n", 0, -1) + 1}
    for name in set(_NAMED.findall(block)) - names:
        if len(names) < _NAMES_KEPT:
            names.add(name)
            starts.add(block.rfind("\n", 0, block.find(name)) + 1)
    for start in sorted(starts):
        end = block.find("\n", start)
        text = block[start : end if end >= 0 else None]
        yield LogLine(source, 0.0, text, number + block.count("\n", 0, start))


def _last_stamped(block: str) -> int:
    """Return the index of the last line that may have a time; only the end of the block is searched."""
    found = deque(_TIME.finditer(block, max(len(block) - _SEARCHED_CHARS, 0)), maxlen=1)
    return block.rfind("\n", 0, found[0].start() if found else -1) + 1
