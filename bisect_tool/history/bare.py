"""The bare repositories of our own in the cache: where they lie, and the settings they all have."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.history.plumbing import Git

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = "config.kept"
_NEVER_OURS = ("attributes", "exclude", "grafts")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


def place(cache: Path, name: str, identity: str) -> Path:
    """Where the repository lies that stands for `identity`; `name` makes the folder readable."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removesuffix(".git")).strip("-")[:40]
    known_by = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache.resolve() / "repositories" / f"{readable}-{known_by}.git"


def begin(ours: Path, object_format: str, held: int) -> Path:
    """An empty repository beside its final place, where only a rename makes it count.

    The settings are said on every call of ours as well; here they are for what a trial itself asks git.
    """
    part = ours.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    git = Git(git_dir=part, held=(held,))
    git.run("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}")
    git.run("config", "--unset", "core.bare")
    with (part / "config").open("a", encoding="utf-8") as config:
        config.writelines(_written(name, value) for name, value in _SETTINGS.items())
        # Settings of one worktree (its sparse patterns) need this, and `bare` must be said where it holds.
        config.write(_written("extensions.worktreeConfig", "true"))
    (part / "config.worktree").write_text(_written("core.bare", "true"), encoding="utf-8")
    return part


def _written(name: str, value: str) -> str:
    """A setting as it stands in a file; neither part of it needs quotes."""
    section, _, key = name.rpartition(".")
    title = section.replace(".", ' "', 1) + '"' if "." in section else section
    return f"[{title}]\n\t{key} = {value}\n"


def finish(part: Path, ours: Path) -> None:
    """Keep the settings as they are, and make the repository count."""
    shutil.copyfile(part / "config", part / _KEPT)
    part.rename(ours)


def restore_settings(ours: Path) -> None:
    """Undo what a trial may have set for git in a worktree: it is written here, for all of them.

    Raises:
        EnvironmentFailed: the settings cannot be read or written.
    """
    kept, config = ours / _KEPT, ours / "config"
    try:
        if not config.is_file() or config.read_bytes() != kept.read_bytes():
            fresh = ours / f"{_KEPT}.{threading.get_native_id()}"
            shutil.copyfile(kept, fresh)
            fresh.replace(config)
        for name in _NEVER_OURS:
            (ours / "info" / name).unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFailed(f"the settings of {ours} cannot be restored: {error}", "remove it") from error


def drop_stale_locks(ours: Path) -> None:
    """Remove what a killed git left; the caller holds the lease under which all of ours write there."""
    for lock in (*ours.glob("*.lock"), *(ours / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)
