"""What belongs to the worktree of a slot, beside one another in one folder."""

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
    """The worktree at `tree`, and what is named after it.

    Attributes:
        tree: The worktree.
    """

    tree: Path

    @classmethod
    def below(cls, root: Path) -> Iterator[SlotFiles]:
        """Every worktree below the folder of all worktrees."""
        for lock in sorted(root.glob("*/slot-*.lock")):
            yield cls(lock.with_suffix(""))

    @property
    def lock(self) -> Path:
        """Held by the run that uses the slot."""
        return self.tree.with_suffix(".lock")

    @property
    def git_dir(self) -> Path:
        """The repository of the worktree."""
        return self.tree.with_suffix(".git")

    @property
    def index(self) -> Path:
        """Our copy of the index, which only exists while the tree is complete."""
        return self.tree.with_suffix(".index")

    @property
    def sparse(self) -> Path:
        """The sparse paths that the tree was made for."""
        return self.tree.with_suffix(".sparse")

    @property
    def files(self) -> tuple[Path, ...]:
        """All but the lock; the index first, because without it the rest does not count."""
        return self.index, self.tree, self.git_dir, self.sparse

    @property
    def last_used(self) -> float:
        """When a commit was last checked out, in seconds since the epoch; 0 if nothing is there."""
        return max(modified(self.git_dir), modified(self.sparse))

    @contextmanager
    def unused(self) -> Iterator[bool]:
        """Keep runs from taking the slot; yields False if one has it."""
        with try_lock(self.lock) as held:
            yield held is not None
