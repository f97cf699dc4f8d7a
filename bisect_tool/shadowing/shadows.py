"""Find what may hide the commits from a command, each with a command that does test them."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.shadowing import node
from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.elsewhere import path_entries
from bisect_tool.shadowing.first_folders import first_folders
from bisect_tool.shadowing.installed import installs
from bisect_tool.shadowing.pythons import named_pythons, pythons

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bisect_tool.shadowing.command_words import Script
    from bisect_tool.shadowing.first_folders import ReadFile
    from bisect_tool.shadowing.installed import Install

_BESIDE_ITSELF = re.compile(r"""dirname\s+(--\s+)?["']?\$\{?(0|BASH_SOURCE)|\$\{0%|\$\{BASH_SOURCE\S*%""")
_MOST = 3
_PYTHON_FILE = re.compile(r"\bpython|\bpypy")


def _nothing(_: str) -> None:
    """Read no file."""


@dataclass(frozen=True)
class Shadow:
    """What hides the commits: `found` is a sentence, `command` the check's words that see each of them.

    `hides` are the folders, from the top of the tree, whose modules the check is sure to import from the
    checkout, if it imports them at all; none where that is not sure.
    """

    found: str
    command: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


def shadows(
    command: Command,
    checkout: Path,
    tracked: Collection[str] = (),
    read: ReadFile = _nothing,
    *,
    own: bool = True,
) -> tuple[Shadow, ...]:
    """Return what in a command leads into a checkout of the user.

    Args:
        command: As it was resolved.
        checkout: The top folder of the checkout.
        tracked: Paths in it that commits have.
        read: Reads the files of a commit.
        own: Whether it is the one that is bisected; its paths in variables mean the commit's own.
    """
    return (
        *(() if own else _environment(command, checkout, tracked)),
        *_named(command, checkout, tracked),
        *_scripts(command, checkout),
        *_installed(command, checkout, read),
        *_modules(command, checkout),
    )


def named_in(argv: Sequence[str], checkout: Path) -> tuple[str, ...]:
    """Return the paths in the checkout, from its top, that a command names by absolute paths."""
    words = Command(tuple(argv), {}).words
    found = (path for word in words for path in _paths_in(word, checkout))
    return tuple(dict.fromkeys(found))


def on_path(command: Command, checkout: Path) -> tuple[str, ...]:
    """The paths in the checkout, from its top, that `PYTHONPATH` names in the environment."""
    found = (_path_in(entry, checkout) for entry in path_entries(command))
    return tuple(path for path in found if path is not None)


def _environment(command: Command, checkout: Path, tracked: Collection[str]) -> Iterator[Shadow]:
    """Entries of `PYTHONPATH` in the environment that lead into another checkout."""
    for path in on_path(command, checkout):
        if path == "." or path in tracked:
            full = str(checkout / path)
            entries = [_replaced(entry, full, path) for entry in path_entries(command)]
            yield Shadow(
                f"PYTHONPATH has {full}, which is another checkout of the project, the same at every commit",
                ("env", f"PYTHONPATH={os.pathsep.join(entries)}", *command.argv),
                (path,),
            )


def _named(command: Command, checkout: Path, tracked: Collection[str]) -> Iterator[Shadow]:
    """Absolute paths of what the commits have themselves."""
    for path in named_in(command.argv, checkout):
        if path == "." or path in tracked:
            full = str(checkout / path)
            own = tuple(_replaced(word, full, path) for word in command.argv)
            yield Shadow(
                f"the check names {full}, which is your checkout, the same at every commit; the commit's own "
                f"is {path}",
                own if own != command.argv else (),
                (path,) if _on_python_path(path, command, checkout) else (),
            )


def _on_python_path(path: str, command: Command, checkout: Path) -> bool:
    """Whether a command puts this path of the checkout before what is installed."""
    values = [word for word in command.words if word.startswith("PYTHONPATH=")]
    return any(path in _paths_in(value, checkout) for value in values)


def _scripts(command: Command, checkout: Path) -> Iterator[Shadow]:
    """Scripts of the user's in the checkout that look for the project beside themselves."""
    for script in command.scripts:
        path = _path_in(str(script.path), checkout)
        if path is None or _in_environment(script.path, checkout):
            continue
        if why := _beside_itself(script):
            yield Shadow(
                f"{path} is run from your checkout, and {why}, at every commit",
                _copied(command, str(script.path), path),
            )


def _copied(command: Command, full: str, path: str) -> tuple[str, ...]:
    """The command on a copy of a script of the user's in the commit's tree."""
    folder, name = os.path.split(path)
    own = path if folder else f"./{name}"
    steps = [f"mkdir -p {shlex.quote(folder)}"] if folder else []
    copy = f"cp {shlex.quote(full)} {shlex.quote(own)}"
    words = [_replaced(word, full, own) for word in command.argv]
    return ("sh", "-c", " && ".join((*steps, copy, _program(words))))


def _program(words: Sequence[str]) -> str:
    """A command as a line of a shell script; a shell script is kept as it is."""
    return words[2] if tuple(words[:2]) == ("sh", "-c") and len(words) == 3 else shlex.join(words)


def _beside_itself(script: Script) -> str:
    """By what a script finds its own folder; empty where it does not look for it."""
    interpreter = script.shebang[0] if script.shebang else ""
    if _PYTHON_FILE.search(interpreter) or script.path.suffix == ".py":
        return "Python imports what lies beside it there before anything else"
    return "it looks for files beside itself" if _BESIDE_ITSELF.search(script.text) else ""


def _installed(command: Command, checkout: Path, read: ReadFile) -> Iterator[Shadow]:
    """Installs of the project in the Python that the command runs, which the tree does not come before."""
    named = named_pythons(command)
    for python in pythons(command):
        found = installs(python, checkout, command.environ)
        first = first_folders(command, read) if found else ()
        for install in found:
            if install.path not in first:
                sure = python in named and not install.copy
                yield Shadow(
                    _installed_as(python, install, checkout),
                    _with_own(command, python, install),
                    (install.path or ".",) if sure else (),
                )


def _installed_as(python: Path, install: Install, checkout: Path) -> str:
    if install.copy:
        return f"{python} imports a copy of the project that is installed, at every commit ({install.file})"
    where = checkout / (install.path or ".")
    return f"{python} imports the project from your checkout, {where}, at every commit ({install.file})"


def _with_own(command: Command, python: Path, install: Install) -> tuple[str, ...]:
    """The command on the commit's own packages: before those installed, or in an environment made of it."""
    if install.path is not None:
        others = command.environ.get("PYTHONPATH", "")
        path = f"{install.path}{os.pathsep}{others}" if others else install.path
        return ("env", f"PYTHONPATH={path}", *command.argv)
    words = [_replaced(word, str(python), "python") for word in command.argv]
    made = f"{shlex.quote(str(python))} -m venv .venv && . .venv/bin/activate && pip install -q -e ."
    return ("sh", "-c", f"{made} || exit 125; {_program(words)}")


def _modules(command: Command, checkout: Path) -> Iterator[Shadow]:
    found = node.modules(command, checkout)
    if found is None:
        return
    if found.links:
        names = ", ".join(tuple(found.links)[:_MOST])
        what = f"{found.folder} links {names} into your checkout, the same at every commit"
    elif found.named:
        what = f"the command uses {found.folder}, which is your checkout's and the same at every commit"
    else:
        what = f"no commit has {found.folder}: in its tree nothing is installed"
    words = [_replaced(word, str(found.folder), node.NAME) for word in command.argv]
    seen = ("sh", "-c", f"{found.install} || exit 125; {_program(words)}")
    yield Shadow(what, seen, tuple(found.links.values()) if found.used else ())


def _paths_in(word: str, checkout: Path) -> tuple[str, ...]:
    """The paths from the top of the checkout that a word names by absolute ones, between colons."""
    parts = word.rpartition("=")[2].partition("::")[0].split(os.pathsep)
    return tuple(path for part in parts if (path := _path_in(part, checkout)))


def _path_in(word: str, checkout: Path) -> str | None:
    """The path from the top of the checkout (`.`: the top) that a word names by an absolute one."""
    named = word.rpartition("=")[2].partition("::")[0]
    if not named.startswith("/"):
        return None
    path = Path(os.path.normpath(named))
    return path.relative_to(checkout).as_posix() if path.is_relative_to(checkout) else None


def _in_environment(path: Path, checkout: Path) -> bool:
    """Whether a file belongs to a virtual environment or to `node_modules` in the checkout."""
    folders = [folder for folder in path.parents if folder.is_relative_to(checkout)]
    return node.NAME in path.parts or any((folder / "pyvenv.cfg").is_file() for folder in folders)


def _replaced(word: str, full: str, path: str) -> str:
    """The word with its absolute path made relative to the top."""
    return re.sub(rf"{re.escape(full)}(?![\w.-])", lambda _: path, word)
