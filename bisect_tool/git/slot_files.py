"""The files of a slot: its worktree, repository, index and lock, in one folder."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.file_lock import try_lock
from bisect_tool.paths import modified

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class SlotFiles:
    """The worktree at `tree`, and the files named after it.

    Attributes:
        tree: The worktree.
    """

    tree: Path

    @classmethod
    def below(cls, root: Path) -> Iterator[SlotFiles]:
        """Yield every worktree below the folder of all worktrees."""
        for lock in sorted(root.glob("*/slot-*.lock")):
            yield cls(lock.with_suffix(""))

    @property
    def lock(self) -> Path:
        """The lock of the run that uses the slot."""
        return self.tree.with_suffix(".lock")

    @property
    def git_dir(self) -> Path:
        """The repository of the worktree."""
        return self.tree.with_suffix(".git")

    @property
    def index(self) -> Path:
        """Our copy of the index; it exists only while the tree is complete."""
        return self.tree.with_suffix(".index")

    @property
    def sparse(self) -> Path:
        """The file with the sparse paths of the tree."""
        return self.tree.with_suffix(".sparse")

    @property
    def files(self) -> tuple[Path, ...]:
        """All files but the lock; the index first, since without it the rest is invalid."""
        return self.index, self.tree, self.git_dir, self.sparse

    @property
    def last_used(self) -> float:
        """When a commit was last checked out, in seconds since the epoch; 0 if never."""
        return max(modified(self.git_dir), modified(self.sparse))

    @contextmanager
    def unused(self) -> Iterator[bool]:
        """Lock the slot; yields False if a run has it."""
        with try_lock(self.lock) as held:
            yield held is not None
