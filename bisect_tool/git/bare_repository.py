"""Create and restore the bare repositories in the cache: their location, and all files except objects.

The files are generated from constants and from the user's repository as it was opened, never from the files
on disk, so that changes by a trial are undone.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import discard
from bisect_tool.supervise.files import read_regular

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
"""Settings for git commands of a trial; our own commands set them as well."""
_FOLDERS = ("", "objects", "objects/info", "objects/pack", "refs", "info")
_HEAD = re.compile(rb"ref: refs/\S+\n")
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Parts:
    """The contents of a repository of ours, except its objects.

    Attributes:
        object_format: `sha1` or `sha256`.
        settings: The user's settings for remotes, submodules and line ends.
        alternates: The content of objects/info/alternates.
        refs: Branches, tags and replacements, as in packed-refs; None if they are fetched.
        shallow: The commits at which the history is cut off.
        grafts: Commits with replaced parents, as in info/grafts.
        attributes: The user's own attributes, as in info/attributes.
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
        """A hash of everything that makes files or parents differ from those of the commits; else empty."""
        ends = tuple(pair for pair in self.settings if pair[0].startswith("core."))
        replaced = [line for line in (self.refs or b"").splitlines() if b" refs/replace/" in line]
        if not (ends or replaced or self.grafts or self.attributes):
            return ""
        facts = repr((ends, replaced, self.grafts, self.attributes))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


def place(cache: Path, name: str, identity: str) -> Path:
    """Return the path of the repository of `identity`; `name` is part of it for readability."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removesuffix(".git")).strip("-")[:40]
    known_by = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache.resolve() / "repositories" / f"{readable}-{known_by}.git"


def begin(ours: Path, parts: Parts) -> Path:
    """Create an empty repository beside its final path; `finish` moves it when it is complete."""
    part = ours.with_suffix(".part")
    discard(part)
    part.mkdir(parents=True)
    write(part, parts)
    return part


def finish(part: Path, ours: Path) -> None:
    """Move a complete repository to its final path, in place of what was left there."""
    discard(ours)
    part.rename(ours)


def write(ours: Path, parts: Parts) -> None:
    """Write the files of a bare repository, and create its folders, as far as a trial changed them.

    Raises:
        EnvironmentFailed: it cannot be written.
    """
    files = {
        "HEAD": _head(ours, parts),
        "config": config(parts, ("core.bare", "true")),
        "info/grafts": parts.grafts,
        "info/attributes": b"",
        "info/exclude": b"",
        "objects/info/alternates": parts.alternates,
    }
    try:
        for name in _FOLDERS:
            make_folder(ours / name)
        for name, content in files.items():
            write_if_changed(ours / name, content)
        if parts.refs is not None:
            write_if_changed(ours / "packed-refs", parts.refs)
            write_if_changed(ours / "shallow", parts.shallow)
    except OSError as error:
        raise EnvironmentFailed(
            f"{ours} cannot be written: {error}", "Free some space, or remove it."
        ) from error


def make_folder(path: Path) -> None:
    """Create a folder, in place of a file, or of a link, through which we would write to another folder."""
    if path.is_symlink() or not path.is_dir():
        discard(path)
    path.mkdir(parents=True, exist_ok=True)


def _head(ours: Path, parts: Parts) -> bytes:
    """Return the content of HEAD: the main branch of a clone, if it is known."""
    with suppress(OSError):  # there is none
        head = read_regular(ours / "HEAD", _HEAD_BYTES)
        if parts.refs is None and _HEAD.fullmatch(head):
            return head
    return b"ref: refs/heads/main\n"


def config(parts: Parts, *settings: tuple[str, str]) -> bytes:
    """Return the content of the config file, with extra settings of one repository."""
    own = (("extensions.objectFormat", parts.object_format), *settings)
    return "".join(_written(*pair) for pair in (*_SETTINGS, *own, *parts.settings)).encode(
        "utf-8", "surrogateescape"
    )


def alternate(objects: Path) -> bytes:
    """Return the line of objects/info/alternates for a folder of objects (gitrepository-layout(5))."""
    path = os.fsencode(objects)
    return (_quoted(os.fsdecode(path)).encode("utf-8", "surrogateescape") if b"\n" in path else path) + b"\n"


def _written(name: str, value: str) -> str:
    """Format a setting as git does."""
    section, _, key = name.rpartition(".")
    head, dot, inner = section.partition(".")
    title = f"{head} {_quoted(inner)}" if dot else head
    return f"[{title}]\n\t{key} = {_quoted(value)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def write_if_changed(path: Path, content: bytes) -> None:
    """Write a file unless it has this content; a file without content is removed."""
    plain = path.is_file() and not path.is_symlink()
    if plain and content and path.read_bytes() == content:
        return
    if path.is_dir() and not path.is_symlink():
        discard(path)
    if not content:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def drop_stale_locks(ours: Path) -> None:
    """Remove the locks of a killed git; the caller holds the lease for writing there."""
    for lock in (*ours.glob("*.lock"), *(ours / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)
