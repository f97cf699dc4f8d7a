"""Resolve the words of a command check so that it can run in the worktree of any commit.

Words are read relative to the current directory, as a shell does. A path that exists in the history becomes
relative to the top of the tree, where every command runs (as with `git bisect run`). A file that the history
does not have is the same at every commit and becomes absolute, also after `--option=`.
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
_NODE = "::"
"""What separates a file from a test in it, as pytest has it."""


def command_line(words: Sequence[str], repository: Repository, bad: str) -> tuple[str, ...]:
    """The words of a command with every path resolved; links are not followed, as a venv's Python is one.

    Raises:
        UsageError: there is no such program.
    """
    folder = Path.cwd()
    prefix = prefix_of(folder, repository.source) if repository.source else None
    program = _program(words[0])
    placed = _placed(program, folder, prefix, repository, bad) if "/" in program else program
    _check_program(words[0], placed, folder, repository, bad)
    return (placed, *(_placed(word, folder, prefix, repository, bad) for word in words[1:]))


def _program(word: str) -> str:
    """The program; by its path where a relative entry of `PATH`, one of the current folder, leads to it."""
    found = shutil.which(word)
    if found is None or "/" in word or found.startswith("/"):
        return word
    return found if "/" in found else f"./{found}"


def _placed(word: str, folder: Path, prefix: str | None, repository: Repository, bad: str) -> str:
    if option := _OPTION.match(word):
        return option[0] + _placed(word[option.end() :], folder, prefix, repository, bad)
    path, mark, test = word.partition(_NODE)
    here = folder / path
    if not path or path.startswith("/") or not _exists(here):
        return word
    if prefix and ("/" in path or here.is_file()) and tracked(own := f"{prefix}{path}", repository, bad):
        name = posixpath.normpath(own)
        return (name if "/" in name else f"./{name}") + mark + test
    if here.is_dir() or tracked(path, repository, bad):
        return word
    return str(here) + mark + test


def _check_program(word: str, placed: str, folder: Path, repository: Repository, bad: str) -> None:
    if shutil.which(placed) or ("/" in placed and tracked(placed, repository, bad)):
        return
    if not word:
        raise UsageError("the command after -- is empty", "Add one after --. Is a shell variable unset?")
    if "/" in placed and (folder / placed).is_file():
        raise UsageError(
            f"{clean_line(word)!r} is not executable",
            "chmod +x it, or run it with an interpreter: -- sh FILE",
        )
    if "/" in placed and not placed.startswith("/") and repository.ever_had(posixpath.normpath(placed)):
        return  # a commit without it cannot be tested
    advice = "Give its path from the repository's root, or an absolute one, and make it executable."
    if any(letter.isspace() for letter in word):
        advice = "Give its words without quotes around all of them, or let a shell read them: -- sh -c '...'"
    raise UsageError(f"program {clean_line(word)!r} not found, neither here nor in the history", advice)


def _exists(path: Path) -> bool:
    """Whether there is such a path; a text too long for a name (a program after `-c`) is not."""
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def tracked(path: str, repository: Repository, sha: str) -> bool:
    """Whether a commit has something at this path, which is relative to the top of its tree."""
    name = posixpath.normpath(path)
    inside = not name.startswith(("/", "..", "-")) and name != "."
    return inside and bool(repository.tree_hashes(sha, (name,)))
