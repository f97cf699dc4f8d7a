"""Measure what a home holds: what can be removed, and how large its other parts are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.build.cache import Entry
from bisect_tool.disk.item import Item, Kind
from bisect_tool.disk.size import size_on_disk
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.session.log_files import last_written, log_files
from bisect_tool.session.session import is_running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow


@dataclass(frozen=True)
class Inventory:
    """What lies in a home.

    Attributes:
        items: What can be removed.
        clones: The bytes of the repositories in the cache, the demo's histories included.
        store: The bytes of the store of sessions and trials.
        other: The bytes of all else, such as models.
    """

    items: tuple[Item, ...]
    clones: int
    store: int
    other: int

    @property
    def total(self) -> int:
        """The bytes of everything."""
        return sum(item.size for item in self.items) + self.clones + self.store + self.other

    def size(self, kind: Kind) -> int:
        """The bytes of all items of a kind."""
        return sum(item.size for item in self.items if item.kind is kind)

    def number(self, kind: Kind) -> int:
        """How many items of a kind there are."""
        return sum(item.kind is kind for item in self.items)


def inventory(home: Home, rows: Iterable[SessionRow]) -> Inventory:
    """Look through the home; `rows` are the sessions in its store.

    Folders of sessions that are in no row count as those of sessions that ended.
    """
    items = (*_environments(home), *_worktrees(home), *_logs(home, rows))
    clones = {home.cache / "repositories", *home.cache.glob("*.git")}
    store = {home.store.with_name(f"{home.store.name}{end}") for end in ("", "-wal", "-shm")}
    measured = (
        clones | store | {home.cache / "environments", home.cache / "worktrees", home.state / "sessions"}
    )
    other = {path for folder in (home.cache, home.state) for path in folder.glob("*")} - measured
    return Inventory(items, size_on_disk(clones), size_on_disk(store), size_on_disk(other))


def _environments(home: Home) -> Iterator[Item]:
    """The environments in the cache, complete or not."""
    root = home.cache.absolute() / "environments"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        entry = Entry(folder)
        used = _time(entry.last_used)
        with entry.unused() as free:
            yield Item(Kind.ENVIRONMENT, folder.name, folder, size_on_disk(entry.files), used, not free)


def _worktrees(home: Home) -> Iterator[Item]:
    for slot in SlotFiles.below(home.cache / "worktrees"):
        if not any(path.exists() for path in slot.files):
            continue
        name, used = f"{slot.tree.parent.name}/{slot.tree.name}", _time(slot.last_used)
        with slot.unused() as free:
            yield Item(Kind.WORKTREE, name, slot.tree, size_on_disk(slot.files), used, not free)


def _logs(home: Home, rows: Iterable[SessionRow]) -> Iterator[Item]:
    resumable = {row.id for row in rows if is_resumable(row)}
    root = home.session("")
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        files = () if folder.name.startswith(".") else log_files(home, folder.name)
        if files:
            running = is_running(home, folder.name)
            used, size = _time(last_written(home, folder.name)), size_on_disk(files)
            yield Item(Kind.LOGS, folder.name, folder, size, used, running, folder.name in resumable)


def is_resumable(row: SessionRow) -> bool:
    """Whether a stored session has no final result yet; one of another version counts as finished."""
    if row.document is None:
        return True
    try:
        document = json.loads(row.document)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("resumable") is True


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
