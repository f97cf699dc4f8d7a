"""Segments in /dev/shm that a process tree made: a segment counts only if the tree was seen to use it.

Another trial may run beside this one, so what merely appeared in the meantime is nobody's proof.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from bisect_tool.supervise.processes import Process, open_files, read_bytes

FOLDER = "/dev/shm/"  # noqa: S108 -- where Linux keeps POSIX shared memory; we only look

Segment = tuple[str, int]
"""Name and inode: a name that was freed and taken again is another segment."""


class SharedMemory:
    """What a tree has made in /dev/shm since `SharedMemory()`."""

    def __init__(self) -> None:
        self._before = _segments()
        self._used: set[Segment] = set()

    def observe(self, processes: Iterable[Process]) -> None:
        """Take note of the segments that these processes have mapped or open now."""
        names = {name for process in processes for name in _used_by(process.pid)}
        self._used |= {(name, inode) for name, inode in _segments() if name in names}

    def left(self) -> tuple[str, ...]:
        """Names of the tree's own segments that still exist, sorted."""
        return tuple(sorted(name for name, _ in (self._used - self._before) & _segments()))


def _segments() -> set[Segment]:
    with os.scandir(FOLDER) as entries:
        return {(entry.name, entry.inode()) for entry in entries}


def _used_by(pid: int) -> Iterator[str]:
    """Names under /dev/shm that the process has mapped or open, deleted ones left out."""
    maps = read_bytes(f"/proc/{pid}/maps").decode(errors="replace").splitlines()
    mapped = [line[line.index(FOLDER) :] for line in maps if FOLDER in line]
    for path in (*mapped, *open_files(pid)):
        if path.startswith(FOLDER) and not path.endswith(" (deleted)"):
            yield path.removeprefix(FOLDER)
