"""Measure the contents of a home: the items that can be removed, and the size of its other parts."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bisect_tool.build.cache import Entry
from bisect_tool.disk_usage.item import Item, Kind
from bisect_tool.disk_usage.size import size_on_disk
from bisect_tool.file_lock import LocksUnsupported
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.paths import node_name
from bisect_tool.session.log_files import last_written, log_files
from bisect_tool.session.session import not_running
from bisect_tool.wheels.cache import WheelFolder, folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow


_RECENT = timedelta(days=1)


@dataclass(frozen=True)
class Inventory:
    """The contents of a home.

    Attributes:
        items: What can be removed.
        clones: The size in bytes of the repositories in the cache, including the demo's histories.
        store: The size of the store of sessions and trials.
        other: The size of everything else, such as models.
    """

    items: tuple[Item, ...]
    clones: int
    store: int
    other: int

    @property
    def total(self) -> int:
        """The size of everything in bytes."""
        return sum(item.size for item in self.items) + self.clones + self.store + self.other

    def size(self, kind: Kind) -> int:
        """The size of all items of a kind in bytes."""
        return sum(item.size for item in self.items if item.kind is kind)

    def number(self, kind: Kind) -> int:
        """How many items of a kind there are."""
        return sum(item.kind is kind for item in self.items)


def inventory(home: Home, rows: Iterable[SessionRow] | None) -> Inventory:
    """Measure a home; `rows` are the sessions in its store.

    Folders of sessions without a row count as those of ended sessions. If `rows` is None, because the store
    cannot be read, logs are not listed as items, so none are removed.
    """
    logs = _logs(home, rows) if rows is not None else ()
    parts = (home, *map(home.node, home.nodes))
    items = (*_rebuildable(home), *_node_items(home), *logs)
    clones = {path for part in parts for path in (part.cache / "repositories", *part.cache.glob("*.git"))}
    store = {home.store.with_name(f"{home.store.name}{end}") for end in ("", "-wal", "-shm")}
    itemised = {part.cache / name for part in parts for name in ("environments", "worktrees", "wheels")}
    measured = clones | store | itemised | {home.state / "nodes", home.cache / "nodes"}
    if rows is not None:
        measured.add(home.session(""))
    folders_of = (folder for part in parts for folder in (part.cache, part.state))
    other = {path for folder in folders_of for path in folder.glob("*")} - measured
    return Inventory(items, size_on_disk(clones), size_on_disk(store), size_on_disk(other))


def last_used(item: Item, home: Home) -> datetime:
    """When an item was last used, read anew."""
    match item.kind:
        case Kind.ENVIRONMENT:
            seconds = Entry(item.path).last_used
        case Kind.WORKTREE:
            seconds = SlotFiles(item.path).last_used
        case Kind.WHEEL:
            seconds = WheelFolder(item.path).last_used
        case Kind.LOGS:
            seconds = last_written(home, item.name)
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def unused(item: Item, home: Home) -> Iterator[bool]:
    """Keep runs from using an item inside the block; yields False if one is using it, or may be."""
    match item.kind:
        case Kind.ENVIRONMENT:
            held = Entry(item.path).unused()
        case Kind.WORKTREE:
            held = SlotFiles(item.path).unused()
        case Kind.WHEEL:
            held = WheelFolder(item.path).unused()
        case Kind.LOGS:
            held = not_running(home, item.name)
    with ExitStack() as stack:
        try:
            free = stack.enter_context(held)
        except LocksUnsupported:  # sessions can still be listed; nothing is removed
            free = False
        yield free


def _rebuildable(home: Home) -> Iterator[Item]:
    """Yield the items that the next trial rebuilds or downloads again."""
    yield from _environments(home)
    yield from _worktrees(home)
    yield from _wheels(home)


def _node_items(home: Home) -> Iterator[Item]:
    """Yield the same items for the nodes of clusters.

    Not every shared disk shows one machine the locks of another. So an item that another machine used in the
    last day counts as in use: no build or trial takes that long.
    """
    recent = datetime.now(UTC) - _RECENT
    for name in home.nodes:
        elsewhere = name != node_name()
        for item in _rebuildable(home.node(name)):
            in_use = item.in_use or (elsewhere and item.last_used > recent)
            yield replace(item, name=f"{name}/{item.name}", elsewhere=elsewhere, in_use=in_use)


def _environments(home: Home) -> Iterator[Item]:
    """The environments in the cache, complete or not."""
    root = home.cache.absolute() / "environments"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir() and not folder.name.startswith("."):
            yield _item(Kind.ENVIRONMENT, folder.name, folder, Entry(folder).files, home)


def _worktrees(home: Home) -> Iterator[Item]:
    for slot in SlotFiles.below(home.cache / "worktrees"):
        if any(path.exists() for path in slot.files):
            name = f"{slot.tree.parent.name}/{slot.tree.name}"
            yield _item(Kind.WORKTREE, name, slot.tree, slot.files, home)


def _wheels(home: Home) -> Iterator[Item]:
    """The wheels of commits, unfinished downloads included."""
    for entry in folders(home.cache.absolute() / "wheels"):
        yield _item(Kind.WHEEL, entry.folder.name, entry.folder, (entry.folder,), home)


def _logs(home: Home, rows: Iterable[SessionRow]) -> Iterator[Item]:
    resumable = {row.id for row in rows if is_resumable(row)}
    root = home.session("")
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        ignored = folder.name.startswith(".") or folder.is_symlink()
        files = () if ignored else log_files(home, folder.name)
        if files:
            item = _item(Kind.LOGS, folder.name, folder, files, home)
            yield replace(item, resumable=folder.name in resumable)


def _item(kind: Kind, name: str, path: Path, files: Iterable[Path], home: Home) -> Item:
    """An item with its size; its lock is held only briefly, because other runs may start."""
    item = Item(kind, name, path, size_on_disk(files), datetime.fromtimestamp(0, UTC))
    with unused(item, home) as free:
        used = last_used(item, home)
    return replace(item, last_used=used, in_use=not free)


def is_resumable(row: SessionRow) -> bool:
    """Whether a stored session has no final result yet; one stored by another version counts as finished."""
    if row.document is None:
        return True
    try:
        document = json.loads(row.document)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("resumable") is True
