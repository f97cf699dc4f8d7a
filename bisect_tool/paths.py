"""Locations on disk: the state folder (store and logs) and the cache folder, which can be deleted."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "BISECT_RUN_HOME"
_NODES = "nodes"
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Home:
    """The home: `state` has the store and the logs, `cache` has clones, worktrees and environments."""

    state: Path
    cache: Path

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.state / "store.db"

    @property
    def assets(self) -> Path:
        """The folder of files that are created once and used by every trial, such as the tiny model."""
        return self.cache / "assets"

    def session(self, session: str) -> Path:
        """The folder of one session's logs."""
        return self.state / "sessions" / session

    def node(self, name: str) -> Home:
        """The part of one node of a cluster, with environments and worktrees of its own."""
        return Home(self.state / _NODES / name, self.cache / _NODES / name)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes that have a part in this home, which may be on a shared disk."""
        parts = (part for root in (self.state, self.cache) for part in (root / _NODES).glob("*/"))
        return tuple(sorted({part.name for part in parts if not part.is_symlink()}))


def node_name() -> str:
    """The name of this machine's part of a home that several nodes share."""
    return _UNSAFE.sub("-", socket.gethostname())


def home() -> Home:
    """The home that BISECT_RUN_HOME names, else the platform's default folders (XDG on Linux).

    Raises:
        UsageError: a path is not UTF-8; git would not find the worktrees in it.
    """
    override = os.environ.get(VARIABLE)
    if override:
        base = expanded(override).resolve()
        found = Home(base / "state", base / "cache")
    else:
        found = Home(platformdirs.user_state_path("bisect-run"), platformdirs.user_cache_path("bisect-run"))
    for folder in (found.state, found.cache):
        if any("\ud800" <= letter <= "\udfff" for letter in str(folder)):
            raise UsageError(
                f"the name of {clean_line(str(folder))} is not UTF-8", f"Set {VARIABLE} to another directory."
            )
    return found


def expanded(path: str) -> Path:
    """Return a path; `~` and `~USER` at its beginning stand for a home directory.

    Raises:
        UsageError: that is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user, or none has the id of this process, as in some containers
        raise UsageError(
            f"cannot find the home directory in {clean_line(path, 200)}", "Write the path in full."
        ) from None


def modified(path: Path) -> float:
    """When a file was last modified, in seconds since the epoch; 0 if it does not exist."""
    try:
        return path.lstat().st_mtime
    except OSError:  # removed in the meantime
        return 0.0


def discard(path: Path) -> None:
    """Remove a file, link, pipe or folder, as far as possible; `shutil.rmtree` waits for a pipe's writer."""
    with suppress(OSError):  # it does not exist, or cannot be removed: the caller looks if that matters
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def program_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return PATH without relative entries, which would find programs in the current repository."""
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry.startswith("/"))


def find_program(name: str) -> str | None:
    """Return the absolute path of a program that this tool starts itself; None if it is not installed."""
    return shutil.which(name, path=program_path())
