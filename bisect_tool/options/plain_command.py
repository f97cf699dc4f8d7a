"""Resolve the paths in a command check so that it can run in the worktree of any commit.

Paths are relative to the current directory, as in a shell. A path that exists in the history becomes relative
to the top of the tree, where every command runs (as with `git bisect run`). The path of a file that is not in
the history becomes absolute, also after `--option=`.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.git.alternates import prefix_of
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.git import Repository

_OPTION = re.compile(r"--?[\w-]+=(?!-)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELL_BUILTINS = (".", "cd", "eval", "exec", "export", "pushd", "set", "source", "ulimit", "umask")
_NODE_SEPARATOR = "::"
"""Separates a file from a test in it, as in pytest."""


def command_line(words: Sequence[str], repository: Repository, bad: str) -> tuple[str, ...]:
    """Return a command with every path resolved. Links are not followed: a venv's Python is a link.

    Raises:
        UsageError: the program does not exist.
    """
    folder = Path.cwd()
    prefix = prefix_of(folder, repository.source) if repository.source else None
    program = _program(words[0])
    resolved = _resolve_path(program, folder, prefix, repository, bad) if "/" in program else program
    _check_program(words[0], resolved, folder, repository, bad)
    return (resolved, *(_resolve_path(word, folder, prefix, repository, bad) for word in words[1:]))


def _program(word: str) -> str:
    """The program; as a path if it is found by a relative entry of `PATH`."""
    found = shutil.which(word)
    if found is None or "/" in word or found.startswith("/"):
        return word
    return found if "/" in found else f"./{found}"


def _resolve_path(word: str, folder: Path, prefix: str | None, repository: Repository, bad: str) -> str:
    if option := _OPTION.match(word):
        return option[0] + _resolve_path(word[option.end() :], folder, prefix, repository, bad)
    path, separator, test = word.partition(_NODE_SEPARATOR)
    absolute = folder / path
    if not path or path.startswith("/") or not _exists(absolute):
        return word
    if (
        prefix
        and ("/" in path or absolute.is_file())
        and tracked(tracked_path := f"{prefix}{path}", repository, bad)
    ):
        name = posixpath.normpath(tracked_path)
        return (name if "/" in name else f"./{name}") + separator + test
    if absolute.is_dir() or tracked(path, repository, bad):
        return word
    return str(absolute) + separator + test


def _check_program(word: str, resolved: str, folder: Path, repository: Repository, bad: str) -> None:
    if shutil.which(resolved) or ("/" in resolved and tracked(resolved, repository, bad)):
        return
    if not word:
        raise UsageError("the command after -- is empty", "Add one after --. Is a shell variable unset?")
    if "/" in resolved and (folder / resolved).is_file():
        raise UsageError(
            f"{clean_line(word)!r} is not executable",
            "chmod +x it, or run it with an interpreter: -- sh FILE",
        )
    if "/" in resolved and not resolved.startswith("/") and repository.ever_had(posixpath.normpath(resolved)):
        return  # a commit without it cannot be tested
    raise UsageError(
        f"program {clean_line(word)!r} not found, on this machine or in the history", _advice(word)
    )


def _advice(word: str) -> str:
    """What to write instead of a word that is no program."""
    if any(letter.isspace() for letter in word):
        return "Do not quote the command as a whole, or run it with a shell: -- sh -c '...'"
    if _ASSIGNMENT.match(word):
        return "Set variables with env: -- env NAME=VALUE COMMAND..."
    if word in _SHELL_BUILTINS:
        return f"It is built into shells: -- sh -c '{word} ...'"
    return "Use its path from the repository's root or an absolute path, and make it executable."


def _exists(path: Path) -> bool:
    """Whether a path exists."""
    try:
        return path.exists()
    except OSError:  # too long for a file name, such as the program after `-c`
        return False


def tracked(path: str, repository: Repository, sha: str) -> bool:
    """Whether a commit has a file or folder at this path, relative to the top of its tree."""
    name = posixpath.normpath(path)
    inside = not name.startswith(("/", "..", "-")) and name != "."
    return inside and bool(repository.tree_hashes(sha, (name,)))
