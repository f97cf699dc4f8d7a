"""The folders of a node, and the cleanup after killed actors.

A home may be on a disk shared by all nodes: each node has its own part, with its own environments and
worktrees.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.file_lock import try_lock
from bisect_tool.paths import home, node_name
from bisect_tool.supervise import recover
from bisect_tool.trial.run import clear

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.paths import Home


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
        with try_lock(_lock(folder)):
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                clear(folder)
                _lock(folder).unlink(missing_ok=True)

    def sweep(self) -> None:
        """End the trials whose actors are gone, and remove their folders."""
        for folder in self._trials.glob("*/"):
            with try_lock(_lock(folder)) as held:
                if held is not None and folder.is_dir():
                    recover(folder)
                    clear(folder)
                    _lock(folder).unlink(missing_ok=True)

    @property
    def _trials(self) -> Path:
        return self.home.state / "trials"


def _lock(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.lock"
