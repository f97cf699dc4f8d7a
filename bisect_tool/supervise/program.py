"""Start a program as a shell would, and explain why one cannot be started. Only the standard library."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHELL = "/bin/sh"
_LINE_LIMIT = 256
"""The kernel reads no more of a script's first line (BINPRM_BUF_SIZE)."""


_REASONS = {
    errno.ENOENT: "it does not exist",
    errno.EACCES: "it is not executable",
    errno.ENOEXEC: "it is not a program for this machine",
}


def execute(argv: tuple[str, ...], env: Mapping[str, str]) -> NoReturn:
    """Execute a program, looked up in the PATH of `env`; a script without `#!` runs under sh.

    Raises:
        OSError: it cannot be started.
    """
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except OSError as error:
        script = as_script(argv, error)
        if script is None:
            raise
        os.execve(script[0], script, env)  # noqa: S606


def as_script(argv: Sequence[str], error: OSError) -> tuple[str, ...] | None:
    """Return the argv that runs a file without `#!` by the shell, as execvp(3) does; None if it is binary."""
    path = _path(argv, error)
    if error.errno != errno.ENOEXEC or b"\0" in _first_line(path):
        return None
    return (_SHELL, str(path), *argv[1:])


def why_not(argv: Sequence[str], cwd: Path, error: OSError) -> str:
    """Explain why a program could not be started, naming the program or the folder at fault."""
    if error.filename in {cwd, str(cwd)}:
        return f"cannot run {argv[0]} in {cwd}: {error.strerror}"
    return f"cannot run {argv[0]}: {_reason(_path(argv, error), error)}"


def _reason(path: Path, error: OSError) -> str:
    line = _first_line(path)
    if error.errno == errno.ENOENT and line.startswith(b"#!"):
        return _no_interpreter(line)
    if error.errno == errno.EACCES and path.is_dir():
        return "it is a directory"
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def _no_interpreter(line: bytes) -> str:
    """Explain that the interpreter in a script's first line does not exist."""
    interpreter = line[2:].strip(b" \t\n").split(b" ")[0].decode(errors="replace")
    if interpreter.endswith("\r"):
        return f"its interpreter is {interpreter!r}: the file has Windows line ends (CRLF)"
    return f"its interpreter {interpreter} does not exist"


def _path(argv: Sequence[str], error: OSError) -> Path:
    """Return the file that was tried; a name without a slash is looked up in PATH."""
    return Path(os.fsdecode(error.filename or argv[0]))


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.readline(_LINE_LIMIT)
    except OSError:  # then it is no script that can be read
        return b""
