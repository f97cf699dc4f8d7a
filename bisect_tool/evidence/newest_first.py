"""Recognise logs whose newest line is the first, as log services export them, and turn them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.evidence.timestamp import read_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LINES = 400
_STEPS = 4
_LEAP_YEAR = 2024


def is_newest_first(lines: Sequence[str]) -> bool:
    """Whether the times of the first lines only go back, in several steps."""
    steps = 0
    for later, earlier in pairwise(_times(lines[:_LINES])):
        if earlier > later:  # in most logs, the second time is already later
            return False
        steps += earlier < later
    return steps >= _STEPS


def oldest_first(lines: Sequence[str]) -> list[int]:
    """Return the indices of the lines, the oldest first; lines without a time stay below the one above."""
    starts = [at for at, text in enumerate(lines) if parse_line(text).stamp]
    ends = [*starts[1:], len(lines)]
    records = [range(start, end) for start, end in zip(starts, ends, strict=True)]
    before = range(starts[0] if starts else len(lines))
    return [at for record in (before, *reversed(records)) for at in record]


def _times(lines: Iterable[str]) -> Iterator[float]:
    stamps = (parse_line(text).stamp for text in lines)
    read = (read_stamp(stamp, _LEAP_YEAR) for stamp in stamps if stamp)
    return (stamp.time for stamp in read if stamp is not None)
