"""Detect added, removed or renamed entries in a tree from the timestamps of its folders alone.

Adding or removing an entry updates its folder's change time, which programs cannot set (inode(7)). So only
the folders are checked, not every file.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TICK_NS = 20_000_000
"""Longer than a tick of the kernel's clock (10 ms), within which two changes have the same time."""

_Mark: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class _Folder:
    mark: _Mark
    inner: tuple[str, ...]
    others: tuple[str, ...]


class Folders:
    """The folders of one tree, as of the last `snapshot`."""

    def __init__(self, tree: Path) -> None:
        self._tree = os.fspath(tree)
        self._known: dict[str, _Folder] = {}
        self._precise: bool | None = None

    def snapshot(self) -> None:
        """Record the state of the folders, with which later calls compare.

        Returns when the clock is past the time of every folder, so that every later change is detected.
        """
        if self._precise is None:
            self._precise = _has_precise_times(self._tree)
        if not self._precise:
            return
        found: dict[str, _Folder] = {}
        folders = [self._tree]
        while folders:
            path = folders.pop()
            mark, known = _mark(path), self._known.get(path)
            # Unchanged since a look, it has the folders it had.
            found[path] = known if known and known.mark == mark else _Folder(mark, *_entries(path))
            folders += found[path].inner
        self._known = found
        _wait(max(folder.mark[-1] for folder in found.values()))

    def same(self) -> bool:
        """Whether no entry was added, removed or renamed since the snapshot; False if unknown."""
        with suppress(OSError):  # a folder was removed, which is a change
            return bool(self._known) and all(
                folder.mark == _mark(path) for path, folder in self._known.items()
            )
        return False

    def added(self) -> set[str]:
        """Return the paths added since the snapshot; for a new folder, only its own path.

        Files changed in place are not included; empty if unknown.
        """
        found: set[str] = set()
        for path, folder in self._known.items():
            with suppress(OSError):  # a removed folder has no new entries
                mark = _mark(path)
                if mark != folder.mark and stat.S_ISDIR(mark[2]):
                    inner, others = _entries(path)
                    found.update({*inner, *others}.difference(folder.inner, folder.others))
        return found

    def others(self) -> Iterator[str]:
        """Yield the entries that are not folders, as of the snapshot."""
        return chain.from_iterable(folder.others for folder in self._known.values())


def _mark(path: str) -> _Mark:
    about = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - thousands of times, and half as fast as a Path
    return about.st_dev, about.st_ino, about.st_mode, about.st_mtime_ns, about.st_ctime_ns


def _entries(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the folders in a folder, and the other entries."""
    with os.scandir(path) as entries:
        listed = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
    return tuple(path for path, inner in listed if inner), tuple(path for path, inner in listed if not inner)


def _wait(changed_ns: int) -> None:
    """Wait until a change would get a later time; do not wait for a clock that was set back."""
    time.sleep(min(max(changed_ns + _TICK_NS - time.time_ns(), 0), _TICK_NS) / 1e9)


def _has_precise_times(tree: str) -> bool:
    """Whether this file system updates a folder's time with each entry, at a fine resolution."""
    probe = os.path.join(tree, f".bisect-run-{os.getpid()}")  # noqa: PTH118
    try:
        before = _mark(tree)
        _wait(before[-1])
        os.mkdir(probe)  # noqa: PTH102
        between = _mark(tree)
        _wait(between[-1])
        os.rmdir(probe)  # noqa: PTH106
        return before[-1] < between[-1] < _mark(tree)[-1]
    except OSError:  # what cannot be tried is not relied on
        return False
