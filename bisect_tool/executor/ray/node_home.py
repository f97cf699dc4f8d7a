"""The folders of a node, and the cleanup after killed actors.

A home may be on a disk shared by all nodes: each node has its own part, with its own environments and
worktrees.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.file_lock import try_lock
from bisect_tool.paths import home, node_name
from bisect_tool.supervise.guarded_run import recover
from bisect_tool.trial.run import clear

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.paths import Home

_LOCK = ".lock"


@dataclass(frozen=True)
class NodeHome:
    """The home of a node, with a folder and a lock for each running trial."""

    home: Home

    @classmethod
    def here(cls) -> NodeHome:
        """Return the home of this machine."""
        return cls(home().node(node_name()))

    @contextmanager
    def trial(self, name: str) -> Iterator[Path]:
        """Create the folder of a trial; it is removed at the end of the block."""
        folder = self._trials / name
        with _held(_lock(folder)):
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                clear(folder)
                _lock(folder).unlink(missing_ok=True)

    def sweep(self) -> None:
        """End the trials whose actors are gone, and remove their folders and locks."""
        for lock in self._trials.glob(f"*{_LOCK}"):
            with try_lock(lock) as held:
                if held is None:
                    continue
                folder = lock.with_name(lock.name.removesuffix(_LOCK))
                if folder.is_dir():  # else its actor, or another sweep, ended after it had removed the folder
                    recover(folder)
                    clear(folder)
                lock.unlink(missing_ok=True)

    @property
    def _trials(self) -> Path:
        return self.home.state / "trials"


def _lock(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Hold a new lock file. A sweep may hold and remove it before this process holds it: then try again."""
    while True:
        with try_lock(lock) as held:
            if held is not None and os.fstat(held).st_nlink:
                yield
                return
