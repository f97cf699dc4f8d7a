"""Read finished logs with the time of each line, and compress long ones.

Memory is bounded for any log: gigabytes, megabytes without a newline, bytes that are not UTF-8.
"""

from __future__ import annotations

import gzip
import os
import re
from array import array
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, BinaryIO

from bisect_tool.supervise.files import atomic_writer, open_regular, read_regular
from bisect_tool.supervise.guardian_protocol import UNREADABLE, seconds
from bisect_tool.supervise.line_times import times_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MIB = 1 << 20
LINE_LIMIT = 64 << 10
_CHUNK = 1 << 16
_TAIL_LIMIT = 64 * MIB
_STAMPS = 1 << 18
_DIGITS = 19
_MARKER = b"\n[bisect-run: %d bytes left out]\n"
_BREAK = re.compile(rb"\r\n|\n|\r")


def read_lines(path: Path, limit_line: int = LINE_LIMIT) -> Iterator[tuple[float, str]]:
    """Yield the lines of a log as `(epoch seconds when it was complete, text)`, without line breaks.

    A carriage return ends a line, too (progress bars). A line longer than `limit_line` bytes is truncated,
    with a note. Without a sidecar, the time is that of the file's last change. A file that is missing or not
    regular has no lines.
    """
    with suppress(OSError), open_regular(path) as file:  # removed, or no regular file
        times = Times(path)
        for end, text in _split(file, limit_line):
            yield times.at(end), text.decode(errors="replace")


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log as `read_lines` does, reading only the end of the file."""
    with suppress(OSError), open_regular(path) as file:  # removed, or no regular file
        size, window = os.fstat(file.fileno()).st_size, _CHUNK
        while True:
            file.seek(max(size - window, 0))
            # The first one may be a part of a line.
            last = deque(_split(file, LINE_LIMIT), maxlen=count + 1)
            if window >= min(size, _TAIL_LIMIT) or len(last) > count:
                return [text.decode(errors="replace") for _, text in last][-count:]
            window *= 8
    return []


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a log.

    Attributes:
        start: offset of the first byte.
        number: number of the first line, from 1.
        data: the bytes; a part of a line that is longer than a block.
    """

    start: int
    number: int
    data: bytes

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return self.start + len(self.data)

    def lines(self) -> Iterator[tuple[int, int, str]]:
        """Yield the end offset, number and text of each line; a carriage return ends one, too."""
        begin, number = 0, self.number
        for found in _BREAK.finditer(self.data):
            yield (
                self.start + found.start(),
                number,
                self.data[begin : found.start()].decode(errors="replace"),
            )
            begin = found.end()
            number += found[0] != b"\r"
        if begin < len(self.data):
            yield self.end, number, self.data[begin:].decode(errors="replace")


def read_blocks(path: Path, start: int = 0, number: int = 1) -> Iterator[Block]:
    """Yield a log in blocks, from line `number` at offset `start`; none if it is not a regular file.

    Holes (see `line_times`) are skipped. The file is open only while a block is read: there may be more logs
    than descriptors.
    """
    offset, rest = start, b""
    while chunk := _chunk(path, offset):
        at, data = chunk
        if at > offset and rest:
            yield Block(start, number, rest)
            rest = b""
        start = at - len(rest)
        data, offset = rest + data, at + len(data)
        cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
        if not cut and len(data) >= LINE_LIMIT:
            cut = len(data)
        if cut:
            yield Block(start, number, data[:cut])
            number += data.count(b"\n", 0, cut)
            start += cut
        rest = data[cut:]
    if rest:
        yield Block(start, number, rest)


def line_start(path: Path, near: int) -> int:
    """Return the offset of a line start shortly before `near`; 0 if there is none in that stretch."""
    begin = max(near - LINE_LIMIT, 0)
    found = _chunk(path, begin) if begin else None
    newline = found[1].find(b"\n") if found else -1
    return found[0] + newline + 1 if found and 0 <= newline < near - found[0] else 0


def count_lines(path: Path, start: int, end: int) -> int:
    """Count the lines that end between two offsets."""
    count = 0
    while start < end and (chunk := _chunk(path, start)):
        at, data = chunk
        count += data.count(b"\n", 0, max(end - at, 0))
        start = at + len(data)
    return count


def _chunk(path: Path, offset: int) -> tuple[int, bytes] | None:
    """Return the next bytes of a log, and their offset; None at its end."""
    with suppress(OSError), open_regular(path) as file:  # behind the last data there is no more
        at = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        file.seek(at)
        data = file.read(_CHUNK)
        return (at, data) if data else None
    return None


def keep_log(path: Path, numbers: Iterable[int], bounds: Bounds | None = None) -> int:
    """Compress a long finished log, and shorten a very long one; returns the bytes left out.

    Kept are the first and last bytes, and those around the lines with these `numbers`; a marker line shows
    where bytes were left out. A short log is unchanged.
    """
    bounds = bounds or Bounds()
    size = _size(path)
    if size <= bounds.plain:
        return 0
    wanted = deque(sorted(_ranges(path, numbers, size, bounds)))
    left_out, end = 0, 0
    with (
        atomic_writer(packed_log(path)) as part,
        gzip.GzipFile(path.name, "wb", compresslevel=1, fileobj=part, mtime=0) as packed,
    ):
        for block in read_blocks(path):
            while wanted and wanted[0][1] <= block.start:
                wanted.popleft()
            if not wanted or wanted[0][0] >= block.end:
                continue
            if block.start > end:
                packed.write(_MARKER % (block.start - end))
                left_out += block.start - end
            packed.write(block.data)
            end = block.end
    path.unlink()
    times_file(path).unlink(missing_ok=True)
    return left_out


@dataclass(frozen=True)
class Bounds:
    """How much of a log to keep, in bytes; logs up to `plain` stay uncompressed."""

    plain: int = MIB
    head: int = 8 * MIB
    tail: int = 8 * MIB
    around: int = 64 << 10


def packed_log(path: Path) -> Path:
    """Return the path of a compressed log."""
    return path.with_name(f"{path.name}.gz")


def _ranges(path: Path, numbers: Iterable[int], size: int, bounds: Bounds) -> Iterator[tuple[int, int]]:
    """Yield the parts of a log to keep, as offsets."""
    yield 0, bounds.head
    yield size - bounds.tail, size
    wanted = deque(sorted(set(numbers)))
    for block in read_blocks(path):
        last = block.number + block.data.count(b"\n")
        near = False
        while wanted and wanted[0] <= last:
            near |= wanted.popleft() >= block.number
        if near:
            yield block.start - bounds.around, block.end + bounds.around
        if not wanted:
            return


def _size(path: Path) -> int:
    with suppress(OSError), open_regular(path) as file:  # removed, or no regular file: it has no lines
        return os.fstat(file.fileno()).st_size
    return 0


class Times:
    """The sidecar of a log: when it reached each size. Without one, the time of the file's last change.

    `in_order`: whether the clock was never set back.
    """

    def __init__(self, log: Path) -> None:
        self._ends, self._times = array("q"), array("d")
        for end, time in islice(_read_stamps(log), _STAMPS):
            self._ends.append(end)
            self._times.append(time)
        self._changed = _changed(log)
        self.in_order = all(one <= other for one, other in pairwise(self._times))

    def before(self, time: float) -> int:
        """Return an offset that the log had reached before `time`."""
        place = bisect_left(self._times, time) if self.in_order else 0
        return self._ends[place - 1] if place else 0

    def at(self, offset: int) -> float:
        """Return when the log reached a size (epoch seconds)."""
        if not self._ends:
            return self._changed
        return self._times[min(bisect_left(self._ends, offset), len(self._ends) - 1)]


def _changed(log: Path) -> float:
    with suppress(OSError):  # it was removed
        return log.lstat().st_mtime
    return 0.0


def _read_stamps(log: Path) -> Iterator[tuple[int, float]]:
    with suppress(OSError):  # the guardian wrote none
        for line in read_regular(times_file(log)).splitlines():
            with suppress(*UNREADABLE):  # a stamp cut off by the end of its writer
                end, time = line.split()
                if len(end) < _DIGITS:
                    yield int(end), seconds(float(time))


def _split(file: BinaryIO, limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield lines with their end offsets, without line breaks."""
    line = _Line(limit)
    offset = 0
    carry = b""
    while chunk := file.read(_CHUNK):
        data = carry + chunk
        # Whether a carriage return at the very end is half a line break is known with the next chunk only.
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
    """An unfinished line, of which at most `limit` bytes are kept."""

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
