"""List what one commit changes: files with added and removed lines, and changed requirement pins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.git.plumbing import GitFailed
from bisect_tool.git.requirement_pins import MOST_BYTES, Pin, changed_pins, names_pins
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.git.plumbing import Git

_WAIT_S = 60.0
_PINNING = 20
_GITLINK = "160000"
_PLAIN = ("diff-tree", "-r", "-z", "--no-commit-id", "--no-ext-diff", "--no-textconv")


@dataclass(frozen=True)
class FileChange:
    """One file; `added` and `removed` are None for a binary file, or if its content is missing.

    `was` is its earlier path if it was renamed; `mode` its mode before and after if that differs.
    """

    path: str
    added: int | None = None
    removed: int | None = None
    was: str = ""
    mode: str = ""


@dataclass(frozen=True)
class FilePin:
    """A changed requirement pin of a file."""

    file: str
    pin: Pin


@dataclass(frozen=True)
class Changes:
    """The changes of a commit against its first parent, or of a merge against every parent.

    `note` is why some are unknown; empty if none is.
    """

    files: tuple[FileChange, ...] = ()
    pins: tuple[FilePin, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Entry:
    """One path of `git diff-tree --raw`: its modes and object names before and after."""

    path: str
    old_mode: str
    mode: str
    old: str
    new: str

    @property
    def changed_mode(self) -> str:
        """`100755 -> 100644`; empty if it is the same, or if the file was added or removed."""
        differs = self.old_mode != self.mode and self.old_mode.strip("0") and self.mode.strip("0")
        return f"{self.old_mode} -> {self.mode}" if differs else ""


def changes(git: Git, sha: str, parents: Sequence[str], *, of_merge: bool = False) -> Changes:
    """Return the changes of a commit; with `of_merge`, only files that differ from every parent.

    Missing objects never raise: their changes are unknown.
    """
    trees = (parents[0], sha) if parents else ("--root", sha)
    try:
        entries = list(_entries(_text(git, *_PLAIN, "--raw", "--no-abbrev", "--no-renames", *trees)))
        own = set(_fields(_text(git, *_PLAIN, "-c", "--name-only", sha))) if of_merge else None
    except GitFailed as error:
        return Changes(note=_cannot("the changed files", error))
    kept = [entry for entry in entries if own is None or entry.path in own]
    pins = tuple(_pins(git, kept))
    try:
        counted = _counted(_text(git, *_PLAIN, "--numstat", "-M", *trees))
    except GitFailed as error:
        files = tuple(FileChange(entry.path) for entry in kept)
        return Changes(files, pins, _cannot("the changed lines", error))
    modes = {entry.path: entry.changed_mode for entry in kept}
    files = tuple(
        replace(each, mode=modes.get(each.path, "")) for each in counted if own is None or each.path in own
    )
    return Changes(files, pins)


def _text(git: Git, *arguments: str) -> str:
    return git.run(*arguments, timeout_s=_WAIT_S).decode("utf-8", "surrogateescape")


def _cannot(what: str, error: GitFailed) -> str:
    lines = error.output.splitlines()
    return f"{what} cannot be read: {clean_line(lines[0] if lines else error.message, 200)}"


def _fields(output: str) -> list[str]:
    return [field for field in output.split("\0") if field]


def _entries(output: str) -> Iterator[_Entry]:
    fields = iter(_fields(output))
    for about in fields:
        old_mode, mode, old, new, _ = about.removeprefix(":").split(" ")
        yield _Entry(next(fields), old_mode, mode, old, new)


def _counted(output: str) -> tuple[FileChange, ...]:
    """Parse `--numstat -z`: for a renamed file, the path is empty, and both paths follow as fields."""
    found, fields = [], iter(_fields(output))
    for field in fields:
        added, removed, path = field.split("\t", 2)
        was = "" if path else next(fields)
        found.append(FileChange(path or next(fields), _number(added), _number(removed), was))
    return tuple(found)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _pins(git: Git, entries: Sequence[_Entry]) -> Iterator[FilePin]:
    """Yield changed submodules and requirement pins; an unreadable file has none."""
    links = [entry for entry in entries if _GITLINK in (entry.old_mode, entry.mode)]
    for entry in links:
        yield FilePin(entry.path, Pin(entry.path, _submodule(entry.old), _submodule(entry.new)))
    files = [entry for entry in entries if entry not in links and names_pins(entry.path)]
    for entry in files[:_PINNING]:
        texts = [_blob(git, entry.old), _blob(git, entry.new)]
        if texts[0] is not None and texts[1] is not None:
            yield from (FilePin(entry.path, pin) for pin in changed_pins(entry.path, texts[0], texts[1]))


def _submodule(name: str) -> str:
    return f"submodule {name[:9]}" if name.strip("0") else ""


def _blob(git: Git, name: str) -> str | None:
    """Return a file's text, empty if there is no file; None if it is too long, or its object is missing."""
    if not name.strip("0"):
        return ""
    try:
        content = git.run("cat-file", "blob", name, timeout_s=_WAIT_S)
    except GitFailed:
        return None
    return content.decode("utf-8", "replace") if len(content) <= MOST_BYTES else None
