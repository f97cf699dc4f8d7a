"""Read finished logs with the time at which each line was seen, and cut oversized ones down.

Memory is bounded whatever a log holds: gigabytes, megabytes without a newline, bytes that are not UTF-8.
"""

from __future__ import annotations

import os
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from bisect_tool.supervise.files import open_regular, read_regular, write_whole
from bisect_tool.supervise.spec import UNREADABLE, seconds
from bisect_tool.supervise.stamps import times_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
LINE_LIMIT = 64 << 10
_CHUNK = 1 << 16
_READ_LIMIT = 64 * MIB
_BREAK = re.compile(rb"\r\n|\n|\r")


def read_lines(path: Path, limit_line: int = LINE_LIMIT) -> Iterator[tuple[float, str]]:
    """The lines of a log as `(epoch seconds at which it was complete, text)`, without line breaks.

    A carriage return ends a line, too (progress bars). Of a line longer than `limit_line` bytes the beginning
    is kept, with a note of what was left out. Without a sidecar the time is that of the file's last change.
    What is gone, or no regular file, has no lines; of one that was not cut down its first bytes are read.
    """
    with suppress(OSError), open_regular(path) as file:
        times = _Times(path, os.fstat(file.fileno()).st_mtime)
        for end, text in _split(file, limit_line):
            if end > _READ_LIMIT:
                break
            yield times.at(end), text.decode(errors="replace")


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, as `read_lines` gives them; no more of it is read than they take."""
    with suppress(OSError), open_regular(path) as file:
        size, window = os.fstat(file.fileno()).st_size, _CHUNK
        while True:
            file.seek(max(size - window, 0))
            # The first one may be a part of a line.
            last = deque(_split(file, LINE_LIMIT), maxlen=count + 1)
            if window >= min(size, _READ_LIMIT) or len(last) > count:
                return [text.decode(errors="replace") for _, text in last][-count:]
            window *= 8
    return []


def bounded_log(path: Path, head: int = 8 * MIB, tail: int = 8 * MIB) -> int:
    """Cut a finished log down to its first and last bytes, in whole lines where it has lines.

    A marker line says how many bytes were left out (the value returned; 0: it was small enough, or is no
    regular file); the sidecar is changed accordingly.
    """
    size = _size(path)
    if size <= head + tail + _CHUNK:
        return 0
    with open_regular(path) as file:
        first = file.read(head)
        # A line of some megabytes is cut, too, rather than lost.
        first = first[: first.rfind(b"\n", -LINE_LIMIT) + 1] or first
        file.seek(size - tail)
        last = file.read()
        last = last[last.find(b"\n", 0, LINE_LIMIT) + 1 :]
    left_out = size - len(first) - len(last)
    marker = b"" if first.endswith(b"\n") else b"\n"
    marker += b"[bisect-run: %d bytes left out]\n" % left_out
    stamps = _cut_stamps(path, len(first), size - len(last), len(marker))
    write_whole(path, first + marker + last)
    write_whole(times_file(path), stamps)
    return left_out


def _size(path: Path) -> int:
    with suppress(OSError), open_regular(path) as file:
        return os.fstat(file.fileno()).st_size
    return 0


class _Times:
    """The sidecar of a log, read along with it; `changed` is when the log was."""

    def __init__(self, log: Path, changed: float) -> None:
        self._stamps = _read_stamps(log)
        self._end, self._time = next(self._stamps, (0, changed))

    def at(self, offset: int) -> float:
        """When the log first was at least so long; offsets must not decrease."""
        while self._end < offset:
            stamp = next(self._stamps, None)
            if stamp is None:
                break
            self._end, self._time = stamp
        return self._time


def _read_stamps(log: Path) -> Iterator[tuple[int, float]]:
    with suppress(OSError):
        for line in read_regular(times_file(log)).splitlines():
            with suppress(*UNREADABLE):  # a stamp cut off by the end of its writer
                end, time = line.split()
                yield int(end), seconds(float(time))


def _cut_stamps(log: Path, head: int, tail: int, marker: int) -> bytes:
    """The stamps of a log of which `[head, tail)` is replaced by `marker` bytes."""
    kept = []
    for end, time in _read_stamps(log):
        if end <= head:
            kept.append(f"{end} {time:.3f}\n")
        elif end >= tail:
            kept.append(f"{end - tail + head + marker} {time:.3f}\n")
    return "".join(kept).encode()


def _split(file: BinaryIO, limit: int) -> Iterator[tuple[int, bytes]]:
    """Lines with the offsets at which they end, line breaks not counted."""
    line = _Line(limit)
    offset = 0
    carry = b""
    while chunk := file.read(_CHUNK):
        data = carry + chunk
        # Whether a carriage return at the very end is half a line break only the next chunk can tell.
        carry = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(carry)]
        start = 0
        for found in _BREAK.finditer(data):
            line.add(data[start : found.start()])
            yield offset + found.start(), line.take()
            start = found.end()
        line.add(data[start:])
        offset += len(data)
    if line.size or carry:
        yield offset, line.take()


class _Line:
    """An unfinished line, of which no more than `limit` bytes are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.size = 0

    def add(self, data: bytes) -> None:
        self._kept += data[: self._limit - len(self._kept)]
        self.size += len(data)

    def take(self) -> bytes:
        left_out = self.size - len(self._kept)
        text = bytes(self._kept) + (b" [%d bytes left out]" % left_out if left_out else b"")
        self._kept.clear()
        self.size = 0
        return text
