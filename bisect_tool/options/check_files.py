"""Fingerprint the scripts that a command check names, to detect edits during a session.

An edited check is a different check, so its trials cannot be counted with the earlier ones.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.request import CheckFile
from bisect_tool.sanitise import clean, redact, secret_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.request import Request

_SHORT_BYTES = 4096
_LARGEST_BYTES = 64 * 2**20
_SCRIPTS = (".sh", ".bash", ".py", ".pl", ".rb", ".js", ".mjs", ".cjs", ".ts", ".php", ".lua", ".bats", ".mk")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/opt", "/nix", "/snap")


def check_files(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[CheckFile, ...]:
    """The program, where it is the user's, and the scripts that a command names by absolute paths.

    Also those in the program of `sh -c`. What a check reads or writes besides them (a log, a binary that it
    builds) is no part of it. The text of a short one is kept, without the secrets of `environ`.
    """
    named = [path for word in argv for path in _paths(word) if _is_script(path, first=word in argv[:2])]
    program = [path for path in _paths(argv[0]) if not str(path.resolve()).startswith(_SYSTEM)]
    secrets = secret_values(environ)
    files = (path for path in dict.fromkeys((*program, *named)) if path.stat().st_size <= _LARGEST_BYTES)
    return tuple(CheckFile(path=str(path), sha256=_digest(path), text=_text(path, secrets)) for path in files)


def require_same_check(request: Request, session: str) -> None:
    """Raise UsageError if a file of the check is not what it was when the session began."""
    files = request.check.command_files
    edited = next((file.path for file in files if _digest(Path(file.path)) != file.sha256), None)
    if edited is not None:
        what = "was edited" if Path(edited).is_file() else "is gone"
        raise UsageError(
            f"{edited} {what} since session {session} started: its trials ran another check",
            f"Restore it, start over ({request.rerun}), or keep those results: "
            f"bisect-run resume {session} --edited-check",
        )


def as_edited(request: Request) -> Request:
    """The request with the files of its check as they are now."""
    check = request.check.as_command
    if check is None:
        return request
    edited = check.model_copy(update={"files": check_files(check.argv, os.environ)})
    return request.model_copy(update={"check": edited})


def _paths(word: str) -> Iterator[Path]:
    """The absolute path that a word is, or those in it where it is a shell program."""
    return (Path(part) for part in (word, *_shell_words(word)) if part.startswith("/") and _is_file(part))


def _shell_words(program: str) -> list[str]:
    """The words of a shell program, as far as its quotes match, without the targets of redirections."""
    try:
        words = list(shlex.shlex(program, posix=True, punctuation_chars=True))
    except ValueError:
        return []
    return [word for before, word in pairwise(("", *words)) if ">" not in before]


def _is_file(path: str) -> bool:
    """Whether it is a file that can be read; a text too long for a name (a program) is not."""
    try:
        return Path(path).is_file() and os.access(path, os.R_OK)
    except OSError:  # too long for a name
        return False


def _is_script(path: Path, *, first: bool) -> bool:
    """Whether it is text to be run: by its mode, first line or name, or as the `first` words name it."""
    with path.open("rb") as file:
        head = file.read(_SHORT_BYTES)
    runs = first or head.startswith(b"#!") or path.suffix in _SCRIPTS or os.access(path, os.X_OK)
    return runs and b"\0" not in head


def _text(path: Path, secrets: frozenset[str]) -> str:
    """What a short text file holds, cleaned; else empty."""
    content = path.read_bytes() if path.stat().st_size <= _SHORT_BYTES else b"\0"
    if b"\0" in content:
        return ""
    try:
        return redact(clean(content.decode()), secrets)
    except UnicodeDecodeError:
        return ""


def _digest(path: Path) -> str:
    """The SHA-256 of a file in hex, empty where it cannot be read."""
    try:
        about = path.stat()
        return _digest_of(path, about.st_size, about.st_mtime_ns, about.st_ino)
    except OSError:  # it cannot be read
        return ""


@lru_cache(maxsize=64)
def _digest_of(path: Path, *_identity: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
