"""Detect the shared-memory segments (/dev/shm) that a process tree created.

Other trials may run in parallel, so a new segment counts only if a process of the tree was seen to use it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.supervise.shared_memory import SHM, held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.supervise.processes import Process

Segment = tuple[str, int]
"""Name and inode: after a segment is removed, its name may be reused by another one."""


class SharedMemory:
    """The segments that a process tree has created in /dev/shm since this object was created."""

    def __init__(self) -> None:
        self._before = _segments()
        self._used: set[Segment] = set()

    def observe(self, processes: Iterable[Process]) -> None:
        """Record the new segments that these processes have mapped or open now."""
        new = _segments() - self._before - self._used
        if new:
            used = held({name for name, _ in new}, [process.pid for process in processes])
            self._used |= {(name, inode) for name, inode in new if name in used}

    def left(self) -> tuple[str, ...]:
        """Return the names of the tree's segments that still exist, sorted."""
        return tuple(sorted(name for name, _ in self._used & _segments()))


def _segments() -> set[Segment]:
    with os.scandir(SHM) as entries:
        return {(entry.name, entry.inode()) for entry in entries}
