"""Create and restore the bare repositories in the cache: their location, and their files besides objects.

Their files are generated from constants and from what was read of the user's repository when it was opened,
never from what is on disk, so that whatever a trial writes there is undone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bisect_tool.errors import EnvironmentFailed

if TYPE_CHECKING:
    from pathlib import Path

Settings: TypeAlias = tuple[tuple[str, str], ...]

_SETTINGS: Settings = (
    ("core.repositoryFormatVersion", "1"),
    ("core.fileMode", "true"),
    ("core.hooksPath", os.devnull),
    ("core.attributesFile", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.logAllRefUpdates", "false"),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.graftFileDeprecated", "false"),
)
"""What every call of ours says as well; here it stands for what a trial itself asks git."""


@dataclass(frozen=True)
class Parts:
    """What a repository of ours is made of, beside its objects.

    Attributes:
        object_format: `sha1` or `sha256`.
        settings: Remotes, submodules and line ends, as the user's repository has them.
        alternates: Where its objects are read from, as objects/info/alternates has it.
        refs: Branches, tags and replacements as packed-refs has them; None where they are fetched.
        shallow: The commits at which the history is cut off.
        grafts: Commits with other parents, as info/grafts has them.
        attributes: The attributes of files that are the user's own, as info/attributes has them.
    """

    object_format: str = "sha1"
    settings: Settings = ()
    alternates: bytes = b""
    refs: bytes | None = None
    shallow: bytes = b""
    grafts: bytes = b""
    attributes: bytes = b""

    @property
    def is_partial(self) -> bool:
        """Whether objects are left on a server."""
        return any(name == "extensions.partialClone" for name, _ in self.settings)

    @property
    def variant(self) -> str:
        """By which files or parents differ from what the names of commits say; empty where they do not."""
        ends = tuple(pair for pair in self.settings if pair[0].startswith("core."))
        replaced = [line for line in (self.refs or b"").splitlines() if b" refs/replace/" in line]
        if not (ends or replaced or self.grafts or self.attributes):
            return ""
        told = repr((ends, replaced, self.grafts, self.attributes))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def place(cache: Path, name: str, identity: str) -> Path:
    """The path of the repository of `identity`; `name` makes the folder readable."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removesuffix(".git")).strip("-")[:40]
    known_by = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache.resolve() / "repositories" / f"{readable}-{known_by}.git"


def begin(ours: Path, parts: Parts) -> Path:
    """An empty repository beside its final place, where only a rename makes it count."""
    part = ours.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    for folder in ("objects/info", "objects/pack", "refs", "info"):
        (part / folder).mkdir(parents=True)
    (part / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    write(part, parts)
    return part


def write(ours: Path, parts: Parts) -> None:
    """Make a bare repository what it has to be.

    Raises:
        EnvironmentFailed: it cannot be written.
    """
    files = {
        "config": config(parts, ("core.bare", "true")),
        "info/grafts": parts.grafts,
        "info/attributes": b"",
        "info/exclude": b"",
        "objects/info/alternates": parts.alternates,
    }
    try:
        for name, content in files.items():
            put(ours / name, content)
        if parts.refs is not None:
            put(ours / "packed-refs", parts.refs)
            put(ours / "shallow", parts.shallow)
    except OSError as error:
        raise EnvironmentFailed(f"{ours} cannot be written: {error}", "remove it") from error


def config(parts: Parts, *settings: tuple[str, str]) -> bytes:
    """The file of settings, with some of one repository alone."""
    own = (("extensions.objectFormat", parts.object_format), *settings)
    return "".join(_written(*pair) for pair in (*_SETTINGS, *own, *parts.settings)).encode(
        "utf-8", "surrogateescape"
    )


def _written(name: str, value: str) -> str:
    """A setting as git writes it to a file."""
    section, _, key = name.rpartition(".")
    head, dot, inner = section.partition(".")
    title = f"{head} {_quoted(inner)}" if dot else head
    return f"[{title}]\n\t{key} = {_quoted(value)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def put(path: Path, content: bytes) -> None:
    """Give a file this content, unless it has it; an empty one is removed."""
    plain = path.is_file() and not path.is_symlink()
    if plain and content and path.read_bytes() == content:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    if not content:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def drop_stale_locks(ours: Path) -> None:
    """Remove what a killed git left; the caller holds the lease under which all of ours write there."""
    for lock in (*ours.glob("*.lock"), *(ours / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)
