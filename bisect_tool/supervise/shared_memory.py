"""Find what a process tree left in /dev/shm, apart from entries of other programs.

An entry belongs to the tree if it appeared after the start of the tree and one of its processes was seen to
have it open or mapped. Only those are removed: an entry that was closed within milliseconds may stay, since
it cannot be distinguished from those of other programs.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.files import append_regular, read_regular
from bisect_tool.supervise.guardian_protocol import UNREADABLE, text, whole
from bisect_tool.supervise.linux import watch_folder
from bisect_tool.supervise.processes import open_files, read_bytes, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHM = "/dev/shm"  # noqa: S108 - watched, not used as a temporary folder
SHM_FILE = "shm.jsonl"
_MAPPED = re.compile(rb"/dev/shm/([^\n]+)")
_DELETED = b" (deleted)"
_LOOKS = 20

Entry = tuple[str, int]
"""Name and inode: names may be reused."""


class ShmWatch:
    """New entries of /dev/shm and their owners."""

    def __init__(self, folder: Path) -> None:
        self._record = folder / SHM_FILE
        self._before = _entries()
        self._own: set[Entry] = set()
        self._looks: Counter[Entry] = Counter()
        self.descriptor = watch_folder(SHM)
        """Readable when an entry is created; -1 if unavailable."""

    def poll(self, pids: Callable[[], Iterable[int]]) -> None:
        """Attribute new entries; reads the pids of the tree only if there are any."""
        self._drain()
        new = {entry for entry in _entries() - self._before - self._own if self._looks[entry] < _LOOKS}
        if not new:
            return
        self._looks.update(new)
        names = held({name for name, _ in new}, pids())
        self._take({entry for entry in new if entry[0] in names})

    def _take(self, entries: set[Entry]) -> None:
        if not entries:
            return
        self._own |= entries
        with suppress(OSError):  # a full disk must not end the one process that cleans up
            append_regular(self._record, "".join(json.dumps(entry) + "\n" for entry in sorted(entries)))

    def _drain(self) -> None:
        if self.descriptor >= 0:
            with suppress(BlockingIOError):
                while os.read(self.descriptor, 1 << 16):
                    pass


def held(names: set[str], pids: Iterable[int]) -> set[str]:
    """Return the entries of /dev/shm that one of these processes has open or mapped."""
    pids = list(pids)
    found: set[str] = set()
    # Descriptors are few and maps are long: read maps only for the remaining entries.
    for links in (open_files, _maps):
        for pid in pids:
            if names <= found:
                return found
            found |= names & {_name(link) for link in links(pid)}
    return found


def remove_leftovers(folder: Path) -> tuple[str, ...]:
    """Remove the /dev/shm entries of the finished tree recorded in this folder; returns their names.

    An entry that some process still has open is kept, since others use it.
    """
    left = _recorded(folder) & _entries()
    if not left:
        return ()
    shared = held({name for name, _ in left}, table())
    own = sorted(name for name, _ in left if name not in shared)
    for name in own:
        with suppress(OSError):  # it was removed in the meantime
            Path(SHM, name).unlink()
    return tuple(own)


def _recorded(folder: Path) -> set[Entry]:
    entries: set[Entry] = set()
    with suppress(OSError):  # nothing was attributed
        for line in read_regular(folder / SHM_FILE).splitlines():
            with suppress(*UNREADABLE):  # a line cut off by the end of its writer
                name, inode = json.loads(line)
                entries.add((text(name), whole(inode)))
    return entries


def _entries() -> set[Entry]:
    found: set[Entry] = set()
    with suppress(OSError), os.scandir(SHM) as entries:  # some containers have none
        for entry in entries:
            with suppress(OSError):  # it was removed in the meantime
                if entry.is_file(follow_symlinks=False):
                    found.add((entry.name, entry.inode()))
    return found


def _maps(pid: int) -> list[str]:
    return [
        os.fsdecode(b"/dev/shm/" + name)
        for name in _MAPPED.findall(read_bytes(f"/proc/{pid}/maps"))
        if not name.endswith(_DELETED)
    ]


def _name(link: str) -> str:
    return link.removeprefix(SHM + "/") if link.startswith(SHM + "/") else ""
