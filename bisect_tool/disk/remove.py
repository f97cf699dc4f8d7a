"""Remove what was planned: rename it under its lock, so that no run finds half of it, and then delete it."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.build.cache import Entry
from bisect_tool.disk.inventory import last_used, unused
from bisect_tool.disk.item import Kind
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.git.worktree import remove as remove_tree
from bisect_tool.paths import node_name
from bisect_tool.session.log_files import log_files, note_pruned
from bisect_tool.supervise.guarded_run import recover
from bisect_tool.trial.run import TEMPORARY, clear

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from bisect_tool.disk.item import Item
    from bisect_tool.disk.plan import Removal
    from bisect_tool.paths import Home

_log = logging.getLogger("bisect_run.prune")
_PREFIX = ".pruned-"


class Ending(StrEnum):
    """How a removal ended; GONE: another process was faster."""

    REMOVED = "removed"
    GONE = "gone"
    IN_USE = "in use"
    FAILED = "failed"


@dataclass(frozen=True)
class Ended:
    """A removal that ended; `problem` says why it failed."""

    removal: Removal
    ending: Ending = Ending.REMOVED
    problem: str = ""


def remove(removal: Removal, home: Home, now: datetime) -> Ended:
    """Remove an item, unless a run has begun to use it since it was looked at."""
    item = removal.item
    try:
        with unused(item, home) as free:
            if not free or last_used(item, home) > item.last_used:
                return Ended(removal, Ending.IN_USE)
            aside = _set_aside(_files(item, home, now), item.path.parent)
        for path in aside:
            remove_tree(path)
    except (OSError, EnvironmentFailed) as error:
        _log.warning("cannot remove %s", item.path, exc_info=True)
        return Ended(removal, Ending.FAILED, str(error))
    return Ended(removal, Ending.REMOVED if aside else Ending.GONE)


def remove_leftovers(home: Home) -> None:
    """Delete what an earlier prune renamed, and was killed before it deleted it.

    On this machine, what killed trials of a cluster left is ended and removed as well.
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
    """What an item consists of, after its last processes have ended."""
    match item.kind:
        case Kind.ENVIRONMENT:
            if not item.elsewhere:  # else their ids are those of other processes here
                Entry(item.path).end_builds()
            return Entry(item.path).files
        case Kind.WORKTREE:
            return SlotFiles(item.path).files
        case Kind.WHEEL:
            return (item.path,)
        case Kind.LOGS:
            for link in item.path.glob(f"trials/*/{TEMPORARY}"):  # of a trial that was killed
                recover(link.parent)
                clear(link.parent)
            note_pruned(home, item.name, now)
            return log_files(home, item.name)


def _set_aside(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Rename the paths to names in `folder` that nothing reads."""
    aside = []
    for path in paths:
        hidden = folder / f"{_PREFIX}{secrets.token_hex(8)}"
        try:
            path.rename(hidden)
        except FileNotFoundError:
            continue
        aside.append(hidden)
    return aside
