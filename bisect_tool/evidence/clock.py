"""Determine when lines were written, from their time stamps and the times at which they were seen."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from bisect_tool.evidence.timestamp import Stamp, read_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.evidence.line import LogLine

_LEAP_YEAR = 2024
"""The year of stamps without one, if no stamp of the log has one: a leap year has every date."""
_TOLERANCE_S = 2.0
_JUMP_S = 3600.0
_RECENT = 8


class Clock:
    """Determines when lines were written, in seconds that are comparable within one set of logs.

    A line without a stamp gets the latest time of the lines shortly before it in its log, because processes
    that share a log may print later than they stamp. A stamp that goes back by more than an hour is ignored.
    If lines were seen while they were written, the stamps of each log are aligned with those times, so that
    time zones do not matter.
    """

    def __init__(self) -> None:
        self._offsets: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._recent: dict[str, deque[float]] = {}
        self._unread: dict[str, deque[str]] = {}
        self._seen: dict[str, str] = {}
        self._year: dict[str, int] = {}

    def observe(self, line: LogLine, stamp: str) -> None:
        """Record the stamp of a line; the lines of one log must come in order."""
        source = line.source
        if self._seen.get(source) == stamp:
            return
        self._seen[source] = stamp
        if source not in self._offsets and (read := _read(stamp, _LEAP_YEAR)) is not None:
            self._offsets[source] = line.time - read.time if line.time else 0.0
            self._recent[source] = deque(maxlen=_RECENT)
            self._unread[source] = deque(maxlen=_RECENT)
        if source in self._unread:
            self._unread[source].append(stamp)  # most are never needed

    def written(self, line: LogLine, stamp: str) -> tuple[float, bool]:
        """Return when the last observed line was written, and whether that is its own stamp."""
        source = line.source
        if source not in self._offsets:
            return line.time, False
        unread = self._unread[source]
        while unread:
            self._read(source, unread.popleft())
        if stamp and _read(stamp, _LEAP_YEAR) is not None:
            return self._last[source], True
        return max(self._recent[source]), False

    def _read(self, source: str, stamp: str) -> None:
        read = _read(stamp, self._year.get(source, _LEAP_YEAR))
        if read is not None:
            if read.year is not None:
                self._year[source] = read.year
            time = read.time + self._offsets[source]
            last = self._last.get(source, time)
            self._last[source] = last if time < last - _JUMP_S else time
            self._recent[source].append(self._last[source])


def in_order(seen: Sequence[float], written: Sequence[float]) -> bool:
    """Whether lines that were seen in this order were also written in it, within the tolerance of clocks.

    Lines of a process that buffers its output are seen too late; those of a file that is read afterwards are
    all seen at the same time.
    """
    if len(set(seen)) < 2:
        return False
    latest = float("-inf")
    for time in written:
        if time < latest - _TOLERANCE_S:
            return False
        latest = max(latest, time)
    return True


@lru_cache(maxsize=4096)
def _read(text: str, year: int) -> Stamp | None:
    return read_stamp(text, year)
