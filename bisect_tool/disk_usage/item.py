"""An item in a home that can be removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - dataclasses are read by tools
from enum import StrEnum
from pathlib import Path  # noqa: TC003


class Kind(StrEnum):
    """The kind of an item."""

    ENVIRONMENT = "environment"
    WORKTREE = "worktree"
    WHEEL = "wheel"
    LOGS = "logs"


@dataclass(frozen=True)
class Item:
    """An environment, a worktree, the wheel of a commit, or the logs of a session.

    Attributes:
        kind: The kind of item.
        name: The fingerprint, `REPOSITORY/SLOT`, the commit, or the id of the session; prefixed with `NODE/`
            if it belongs to a node of a cluster.
        path: Its folder.
        size: Its size on disk in bytes.
        last_used: When a trial last started in it, or last wrote to it.
        in_use: Whether a run is using it.
        resumable: Whether it belongs to a session that is not finished.
        elsewhere: Whether another machine uses it.
    """

    kind: Kind
    name: str
    path: Path
    size: int
    last_used: datetime
    in_use: bool = False
    resumable: bool = False
    elsewhere: bool = False
