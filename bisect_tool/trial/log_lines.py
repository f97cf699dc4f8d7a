"""Read the relevant lines of a trial's logs, merged by time.

Logs are read in blocks. Irrelevant blocks are skipped, except for the last line, which contains a time, and
the first line of each process.
"""

from __future__ import annotations

import heapq
import os
import re
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING

from bisect_tool.evidence import LogLine
from bisect_tool.evidence.healthy_lines import CONTEXT_LINES
from bisect_tool.sanitise import clean_line, redact, secret_values
from bisect_tool.supervise.logs import Block, Times, count_lines, line_start, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

ALWAYS = (float("-inf"), float("inf"))
_NAMES_KEPT = 10_000
_FEW = 16
_NAMED = re.compile(rb"\(\w[^()\n]{0,60} pid=\d{1,9}\)")


@dataclass(frozen=True)
class Relevance:
    """Selects relevant blocks: those for which `may` is true, and the `following` lines after them."""

    may: Callable[[str], bool]
    following: int = CONTEXT_LINES


def merged_lines(
    paths: Iterable[Path], window: tuple[float, float], relevance: Relevance
) -> Iterator[LogLine]:
    """Return the relevant lines of these logs within `window` (epoch seconds), without secrets."""
    return TrialLogs().merged(paths, window, relevance)


class TrialLogs:
    """Logs that are read window by window, from the start of each window."""

    def __init__(self) -> None:
        self._logs: dict[Path, _Log] = {}
        self._secrets = secret_values(os.environ)

    def merged(
        self, paths: Iterable[Path], window: tuple[float, float], relevance: Relevance
    ) -> Iterator[LogLine]:
        """As `merged_lines`."""
        logs = [self._logs.setdefault(path, _Log(path)) for path in paths]
        return heapq.merge(
            *(log.lines(window, relevance, self._secrets) for log in logs), key=attrgetter("time")
        )


class _Log:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = clean_line(path.stem)
        self._at = 0, 1

    @cached_property
    def _times(self) -> Times:
        return Times(self._path)

    def lines(
        self, window: tuple[float, float], relevance: Relevance, secrets: frozenset[str]
    ) -> Iterator[LogLine]:
        times, following = self._times, relevance.following
        names: set[bytes] = set()
        for block in read_blocks(self._path, *self._start(window[0])):
            if times.in_order and times.at(block.end) < window[0]:
                continue
            if times.in_order and times.at(block.start) > window[1]:
                return
            whole = block.data.decode(errors="replace")
            relevant = relevance.may(whole)
            all_lines = relevant or following > 0
            # Of most blocks only a few lines are read: they are redacted without looking at the block.
            secret = not all_lines or redact(whole, secrets) != whole
            for end, number, text in block.lines() if all_lines else _few(block, names):
                following -= 1
                time = times.at(end)
                if window[0] <= time <= window[1]:
                    yield LogLine(self._source, time, redact(text, secrets) if secret else text, number)
            following = relevance.following if relevant else following

    def _start(self, since: float) -> tuple[int, int]:
        """Return the offset of a line start before `since`, and the line's number."""
        start = line_start(self._path, self._times.before(since))
        offset, number = self._at if self._at[0] <= start else (0, 1)
        self._at = start, number + count_lines(self._path, offset, start)
        return self._at


def _few(block: Block, names: set[bytes]) -> Iterator[tuple[int, int, str]]:
    """Yield the last line of a block, and the first one of each process that is new."""
    data = block.data
    places = {data.rfind(b"\n", 0, -1) + 1}
    # Counting known names is many times cheaper than finding all names.
    known = len(names) <= _FEW and sum(map(data.count, names)) == data.count(b" pid=")
    for name in () if known else set(_NAMED.findall(data)) - names:
        if len(names) < _NAMES_KEPT:
            names.add(name)
            places.add(data.rfind(b"\n", 0, data.find(name)) + 1)
    for place in sorted(places):
        end = data.find(b"\n", place)
        text = data[place : end if end >= 0 else None].decode(errors="replace")
        number = block.number + data.count(b"\n", 0, place)
        yield block.start + (end if end >= 0 else len(data)), number, text
