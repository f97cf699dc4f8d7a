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

from bisect_tool.checks import CheckFile
from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean, redact, secret_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.request import Request

_MAX_TEXT_BYTES = 4096
_MAX_BYTES = 64 * 2**20
_SCRIPTS = (".sh", ".bash", ".py", ".pl", ".rb", ".js", ".mjs", ".cjs", ".ts", ".php", ".lua", ".bats", ".mk")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/opt", "/nix", "/snap")


def check_files(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[CheckFile, ...]:
    """Return the scripts that a command names by absolute paths, and its program unless it is the system's.

    Includes scripts named in the program of `sh -c`. Other files that the check reads or writes (a log, a
    binary that it builds) are not part of it. The text of a short script is kept, without secrets.
    """
    named = [path for word in argv for path in _paths(word) if _is_script(path, is_first=word in argv[:2])]
    program = [path for path in _paths(argv[0]) if not str(path.resolve()).startswith(_SYSTEM)]
    secrets = secret_values(environ)
    files = (path for path in dict.fromkeys((*program, *named)) if path.stat().st_size <= _MAX_BYTES)
    return tuple(CheckFile(path=str(path), sha256=_digest(path), text=_text(path, secrets)) for path in files)


def require_same_check(request: Request, session: str) -> None:
    """Raise UsageError if a file of the check has changed since the session started."""
    files = request.check.command_files
    edited = next((file.path for file in files if _digest(Path(file.path)) != file.sha256), None)
    if edited is not None:
        change = "was edited" if Path(edited).is_file() else "is gone"
        raise UsageError(
            f"{edited} {change} since session {session} started: its trials ran another check",
            f"Restore it, start over ({request.rerun}), or keep those results: "
            f"bisect-run resume {session} --edited-check",
        )


def as_edited(request: Request) -> Request:
    """The request with the current files of its check."""
    check = request.check.as_command
    if check is None:
        return request
    edited = check.model_copy(update={"files": check_files(check.argv, os.environ)})
    return request.model_copy(update={"check": edited})


def _paths(word: str) -> Iterator[Path]:
    """The absolute paths of existing files in an argument, which may be a shell program."""
    return (Path(part) for part in (word, *_shell_words(word)) if part.startswith("/") and _is_file(part))


def _shell_words(program: str) -> list[str]:
    """The words of a shell program without targets of redirections; empty if its quotes do not match."""
    try:
        words = list(shlex.shlex(program, posix=True, punctuation_chars=True))
    except ValueError:
        return []
    return [word for previous, word in pairwise(("", *words)) if ">" not in previous]


def _is_file(path: str) -> bool:
    """Whether a path is a readable file."""
    try:
        return Path(path).is_file() and os.access(path, os.R_OK)
    except OSError:  # too long for a file name, such as the program of `sh -c`
        return False


def _is_script(path: Path, *, is_first: bool) -> bool:
    """Whether a file is a script: a text file that is executable, has a shebang or a script's suffix.

    `is_first`: the file is one of the first arguments, so it is run whatever it is called.
    """
    with path.open("rb") as file:
        head = file.read(_MAX_TEXT_BYTES)
    runs = is_first or head.startswith(b"#!") or path.suffix in _SCRIPTS or os.access(path, os.X_OK)
    return runs and b"\0" not in head


def _text(path: Path, secrets: frozenset[str]) -> str:
    """The sanitised content of a short text file; empty for other files."""
    content = path.read_bytes() if path.stat().st_size <= _MAX_TEXT_BYTES else b"\0"
    if b"\0" in content:
        return ""
    try:
        return redact(clean(content.decode()), secrets)
    except UnicodeDecodeError:
        return ""


def _digest(path: Path) -> str:
    """The SHA-256 of a file in hex; empty if it cannot be read."""
    try:
        status = path.stat()
        return _digest_of(path, status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError:  # the file cannot be read
        return ""


@lru_cache(maxsize=64)
def _digest_of(path: Path, *_identity: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
