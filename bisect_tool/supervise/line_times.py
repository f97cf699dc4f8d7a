"""Record when every line of a log was written, without reading the log or delaying its writer.

Next to each log is `<log>.times`: lines `<end offset> <epoch seconds>`, appended when the log has grown. The
middle of a very long log is replaced by a hole: its size stays, its disk space is freed.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from bisect_tool.supervise.files import append_regular
from bisect_tool.supervise.linux import punch_hole

STAMP_S = 0.05
COARSER_AFTER = 10_000
"""Stamps after which the interval doubles: ten hours of a growing log make 70,000, about 2 MB."""


MIB = 1 << 20
HOLE_START = 256 * MIB
HOLE_DISTANCE = 256 * MIB
"""How far the hole stays from the end of the log, and by how much it grows at a time."""


def times_file(log: Path) -> Path:
    """The sidecar of a log."""
    return log.with_name(log.name + ".times")


class Stamps:
    """Records the growth of `watch/*.log` and of one more file."""

    def __init__(self, watch: Path, also: Path) -> None:
        self._watch = watch
        self._also = also
        self._logs: dict[str, _Log] = {}

    def poll(self, now: float) -> bool:
        """Stamp the logs that have grown (`now` in epoch seconds); returns whether any has."""
        return self._look(now, last=False)

    def close(self, now: float) -> None:
        """Stamp what is not stamped yet."""
        self._look(now, last=True)

    def _look(self, now: float, *, last: bool) -> bool:
        grown = False
        for path, size in self._sizes().items():
            log = self._logs.setdefault(path, _Log(path))
            grown |= log.poll(size, now, last=last)
        return grown

    def _sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        with suppress(OSError), os.scandir(self._watch) as entries:  # the trial removed the folder
            for entry in entries:
                if entry.name.endswith(".log"):
                    _take_size(entry, sizes)
        _take_size(self._also, sizes)
        return sizes


def _take_size(entry: os.DirEntry[str] | Path, sizes: dict[str, int]) -> None:
    with suppress(OSError):  # the trial removed it in the meantime
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            sizes[os.fspath(entry)] = status.st_size


class _Log:
    def __init__(self, path: str) -> None:
        self._path = path
        self._times = times_file(Path(path))
        self._hole_end = HOLE_START
        self._size = 0
        self._stamped = 0
        self._count = 0
        self._due = 0.0

    def poll(self, size: int, now: float, *, last: bool) -> bool:
        grown = size != self._size
        self._size = size
        if size != self._stamped and (last or now >= self._due):
            self._stamp(now)
        self._punch_hole()
        return grown

    def _punch_hole(self) -> None:
        end = self._size - HOLE_DISTANCE
        if end - self._hole_end >= HOLE_DISTANCE:
            with suppress(OSError):  # not every file system can: then it takes more of the disk
                punch_hole(self._path, self._hole_end, end)
            self._hole_end = end

    def _stamp(self, now: float) -> None:
        anew = self._size < self._stamped  # its writer truncated it
        if anew:
            self._hole_end = HOLE_START
        with suppress(OSError):  # a full disk must not end the one process that cleans up
            append_regular(self._times, f"{self._size} {now:.3f}\n", anew=anew)
        self._stamped = self._size
        self._count += 1
        self._due = now + STAMP_S * 2.0 ** (self._count // COARSER_AFTER)
