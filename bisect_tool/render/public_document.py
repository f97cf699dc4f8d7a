"""Remove this machine's paths from a document, so that it can be shared and rerun elsewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from bisect_tool.json_document.document import CommitInfo, CulpritReport
from bisect_tool.paths import home

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.json_document.document import Document

_END = r"(?=[/\s'\"`:;,)\]>]|$)"
_HOMES = re.compile(rf"(?<![\w.~/-])(?:/(?:home|Users)/[^/\s'\"`:;,)\]>]+|/root){_END}")
_WORKTREE = re.compile(r"(?<![\w.~-])(?:/[^/\s'\"`:]+)*/worktrees/[^/\s'\"`:]+/slot-\d+(?:/|(?![\w-]))")
_TEMPORARY = re.compile(r"(?<![\w.~-])(?:/[^/\s'\"`:]+)*/bisect-run-[a-z0-9_]{8}(?![\w-])")
_OF_SESSION = r"(?:trials(?:/[\w.-]+)?|bisect-run\.log)(?![\w-])"
_LOGS = re.compile(rf"(?<![\w.~-])(?:/[^/\s'\"`:]+)*/sessions/\d{{8}}-\d{{6}}-[0-9a-f]+/{_OF_SESSION}")
_ABSOLUTE = re.compile(r"(?:/[^/\s'\"`;|&<>()]+)+/?")
_SYSTEM = (
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/lib64/",
    "/opt/",
    "/etc/",
    "/dev/",
    "/proc/",
    "/nix/",
    "/snap/",
)


def public(document: Document) -> Document:
    """Return the document without this machine's folders: home, worktrees, logs, and the repository's.

    If the repository has a public URL, it is used instead, also in the command line to rerun.
    """
    hide = _hiding(document)
    hidden: Document = _mapped(document, hide)
    shadows = tuple(
        shadow.model_copy(update={"found": hide(shadow.found), "rerun": _rerun(shadow.rerun, document, hide)})
        for shadow in document.shadows
    )
    return hidden.model_copy(
        update={
            "rerun": _rerun(document.rerun, document, hide),
            "rerun_same_failure": _rerun(document.rerun_same_failure, document, hide),
            "repo": _repository(document),
            "shadows": shadows,
        }
    )


def without_homes(text: str) -> str:
    """Remove home folders and bisect-run's own folders from a text."""
    for pattern, name in (_WORKTREE, ""), (_LOGS, "<logs>"), (_TEMPORARY, "$TMPDIR"), (_HOMES, "~"):
        text = pattern.sub(name, text)
    return text


def _hiding(document: Document) -> Callable[[str], str]:
    """Return a function that replaces folders in a text, the most specific first."""
    here = home()
    tree = re.compile(rf"{re.escape(str(here.cache))}/worktrees/[^/\n]+/slot-\d+(?:/|(?![\w-]))")
    logs = re.compile(rf"{re.escape(str(here.state))}/sessions/[\w-]+/{_OF_SESSION}")
    own = [(document.repo, ".")] if document.repo.startswith("/") else []
    known = [(folder, name) for folder, name in (*own, (str(Path.home()), "~")) if folder.strip("/")]
    replacing = (
        (tree, ""),
        (_WORKTREE, ""),
        (logs, "<logs>"),
        (_LOGS, "<logs>"),
        (_TEMPORARY, "$TMPDIR"),
        *((re.compile(rf"(?<![\w.~/-]){re.escape(folder)}{_END}"), name) for folder, name in known),
        (_HOMES, "~"),
    )

    def hide(text: str) -> str:
        for pattern, name in replacing if "/" in text else ():
            text = pattern.sub(name, text)
        return text

    return hide


def _repository(document: Document) -> str:
    """The repository's public URL; for a folder without one, its name."""
    if document.origin:
        return document.origin
    return PurePosixPath(document.repo).name if document.repo.startswith(("/", "~", ".")) else document.repo


def _rerun(command: str, document: Document, hide: Callable[[str], str]) -> str:
    """Return a command line with the public URL, and with the user's files in the current folder."""
    try:
        words = shlex.split(command)
    except ValueError:
        return hide(command)
    return shlex.join(
        (document.origin or ".")
        if word == document.repo and before == "--repo"
        else _own(word, document, hide)
        for before, word in zip(["", *words], words, strict=False)
    )


def _own(word: str, document: Document, hide: Callable[[str], str]) -> str:
    """Return an argument of a command; an absolute path outside system folders becomes a local one."""
    if not _ABSOLUTE.fullmatch(word) or word.startswith(_SYSTEM):
        return hide(word)
    if word.startswith(f"{document.repo}/"):
        return f"./{word.removeprefix(document.repo).lstrip('/')}"
    return f"./{PurePosixPath(word).name}"


def _mapped(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, (CommitInfo, CulpritReport)):
        return value  # the text of commits is public
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(update={name: _mapped(getattr(value, name), change) for name in fields})
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_mapped(item, change) for item in value)
    return value
