"""Remove planned items: each is renamed under its lock, so that no run finds a part of it, then deleted."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.build.cache import Entry
from bisect_tool.disk_usage.inventory import last_used, unused
from bisect_tool.disk_usage.item import Kind
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.git.worktree import remove as remove_tree
from bisect_tool.paths import node_name
from bisect_tool.session.log_files import log_files, note_pruned, trial_folders
from bisect_tool.supervise.guarded_run import recover
from bisect_tool.trial.run import TEMPORARY, clear

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from bisect_tool.disk_usage.item import Item
    from bisect_tool.disk_usage.plan import Removal
    from bisect_tool.paths import Home

_log = logging.getLogger("bisect_run.prune")
_PREFIX = ".pruned-"


class RemovalStatus(StrEnum):
    """How a removal ended; GONE: another process removed the item first."""

    REMOVED = "removed"
    GONE = "gone"
    IN_USE = "in use"
    FAILED = "failed"


@dataclass(frozen=True)
class RemovalResult:
    """The result of a removal; `problem` says why it failed."""

    removal: Removal
    status: RemovalStatus = RemovalStatus.REMOVED
    problem: str = ""


def remove(removal: Removal, home: Home, now: datetime) -> RemovalResult:
    """Remove an item, unless a run has started to use it since the inventory was taken."""
    item = removal.item
    try:
        with unused(item, home) as free:
            if not free or last_used(item, home) > item.last_used:
                return RemovalResult(removal, RemovalStatus.IN_USE)
            renamed = _rename_all(_files(item, home, now), item.path.parent)
        for path in renamed:
            remove_tree(path)
    except (OSError, EnvironmentFailed) as error:
        _log.warning("cannot remove %s", item.path, exc_info=True)
        return RemovalResult(removal, RemovalStatus.FAILED, str(error))
    return RemovalResult(removal, RemovalStatus.REMOVED if renamed else RemovalStatus.GONE)


def remove_leftovers(home: Home) -> None:
    """Delete what an earlier prune renamed but did not delete because it was killed.

    Also end and remove what killed trials of a cluster left on this machine.
    """
    parts = (home, *map(home.node, home.nodes))
    roots = [
        home.session(""),
        *(part.cache / name for part in parts for name in ("environments", "wheels")),
        *(folder for part in parts for folder in (part.cache / "worktrees").glob("*")),
    ]
    for path in (path for root in roots for path in root.glob(f"{_PREFIX}*")):
        try:
            remove_tree(path)
        except EnvironmentFailed as error:
            _log.warning("%s", error)
    _sweep_node(home)


def _sweep_node(home: Home) -> None:
    """End and remove what killed trials of a cluster left on this machine."""
    if node_name() not in home.nodes:
        return
    try:
        NodeHome(home.node(node_name())).sweep()
    except (OSError, EnvironmentFailed) as error:
        _log.warning("%s", error)


def _files(item: Item, home: Home, now: datetime) -> tuple[Path, ...]:
    """The files of an item, after its last processes have been ended."""
    match item.kind:
        case Kind.ENVIRONMENT:
            if not item.elsewhere:  # process ids of another machine mean other processes here
                Entry(item.path).end_builds()
            return Entry(item.path).files
        case Kind.WORKTREE:
            return SlotFiles(item.path).files
        case Kind.WHEEL:
            return (item.path,)
        case Kind.LOGS:
            for trial in trial_folders(item.path):
                if (trial / TEMPORARY).is_symlink():  # it was killed
                    recover(trial)
                    clear(trial)
            note_pruned(home, item.name, now)
            return log_files(home, item.name)


def _rename_all(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Rename the paths to hidden names in `folder`, which nothing reads."""
    renamed = []
    for path in paths:
        hidden = folder / f"{_PREFIX}{secrets.token_hex(8)}"
        try:
            path.rename(hidden)
        except FileNotFoundError:
            continue
        renamed.append(hidden)
    return renamed
