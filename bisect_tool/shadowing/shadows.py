"""Find what may shadow the commits' code, each with a command that does test the commits."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.shadowing import node_modules
from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.first_folders import first_folders
from bisect_tool.shadowing.import_folders import path_entries
from bisect_tool.shadowing.installed_checkouts import find_installs
from bisect_tool.shadowing.pythons import named_pythons, pythons

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bisect_tool.shadowing.command_words import Script
    from bisect_tool.shadowing.first_folders import ReadFile
    from bisect_tool.shadowing.installed_checkouts import Install

_OWN_FOLDER = re.compile(r"""dirname\s+(--\s+)?["']?\$\{?(0|BASH_SOURCE)|\$\{0%|\$\{BASH_SOURCE\S*%""")
_ENTERS_OWN_FOLDER = re.compile(
    rf"^[^#\n]*(?<!\()\b(?:cd|pushd)\b[^\n;&|]*(?:{_OWN_FOLDER.pattern})", re.MULTILINE
)
_NAMES_SHOWN = 3
_PYTHON_FILE = re.compile(r"\bpython|\bpypy")


def _read_nothing(_: str) -> None:
    """Read no file."""


@dataclass(frozen=True)
class Shadow:
    """Something that shadows the commits' code.

    `found` is a sentence about it, and `command` a variant of the check that tests each commit. `folders` are
    the folders, relative to the top of the tree, whose modules the check certainly imports from the checkout,
    if it imports them at all; empty if that is not certain.
    """

    found: str
    command: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def find_shadows(
    command: Command,
    checkout: Path,
    tracked: Collection[str] = (),
    read: ReadFile = _read_nothing,
    *,
    is_bisected: bool = True,
) -> tuple[Shadow, ...]:
    """Return what makes a command use a checkout of the user.

    Args:
        command: The resolved command.
        checkout: The top folder of the checkout.
        tracked: The paths in it that commits have.
        read: Reads the files of a commit.
        is_bisected: Whether it is the checkout being bisected; its paths in variables are redirected to the
            commit's worktree.
    """
    return (
        *(() if is_bisected else _environment(command, checkout, tracked)),
        *_named(command, checkout, tracked),
        *_scripts(command, checkout),
        *_installed(command, checkout, read),
        *_node_modules(command, checkout),
    )


def find_entering_scripts(command: Command, checkout: Path) -> tuple[Shadow, ...]:
    """Return the user's scripts that change into their own folder, where relative paths mean the checkout."""
    return tuple(
        _script_shadow(command, script, path, "it changes into its own folder")
        for script, path in _scripts_in(command, checkout)
        if _ENTERS_OWN_FOLDER.search(script.text)
    )


def paths_named_by(argv: Sequence[str], checkout: Path) -> tuple[str, ...]:
    """Return the paths that a command names by absolute paths in the checkout, relative to its top."""
    words = Command(tuple(argv), {}).words
    found = (path for word in words for path in _paths_in(word, checkout))
    return tuple(dict.fromkeys(found))


def pythonpath_folders(command: Command, checkout: Path) -> tuple[str, ...]:
    """Return the folders in the checkout that `PYTHONPATH` has in the environment, relative to its top."""
    found = (_path_in(entry, checkout) for entry in path_entries(command))
    return tuple(path for path in found if path is not None)


def _environment(command: Command, checkout: Path, tracked: Collection[str]) -> Iterator[Shadow]:
    """Find `PYTHONPATH` entries in the environment that are in another checkout."""
    for path in pythonpath_folders(command, checkout):
        if path == "." or path in tracked:
            full = str(checkout / path)
            entries = [_relocated(entry, full, path) for entry in path_entries(command)]
            yield Shadow(
                f"PYTHONPATH has {full}, another checkout of the project, which is the same at every commit",
                ("env", f"PYTHONPATH={os.pathsep.join(entries)}", *command.argv),
                (path,),
            )


def _named(command: Command, checkout: Path, tracked: Collection[str]) -> Iterator[Shadow]:
    """Find absolute paths in the checkout that the commits have as well."""
    for path in paths_named_by(command.argv, checkout):
        if path == "." or path in tracked:
            full = str(checkout / path)
            relocated = tuple(_relocated(word, full, path) for word in command.argv)
            yield Shadow(
                f"the check uses {full} in your checkout, which is the same at every commit; "
                f"the commit's own copy is {path}",
                relocated if relocated != command.argv else (),
                (path,) if _on_python_path(path, command, checkout) else (),
            )


def _on_python_path(path: str, command: Command, checkout: Path) -> bool:
    """Whether a command sets a `PYTHONPATH` with this path of the checkout."""
    values = [word for word in command.words if word.startswith("PYTHONPATH=")]
    return any(path in _paths_in(value, checkout) for value in values)


def _scripts(command: Command, checkout: Path) -> Iterator[Shadow]:
    """Find the user's scripts in the checkout that use files in their own folder."""
    for script, path in _scripts_in(command, checkout):
        if reason := _own_folder_reason(script):
            yield _script_shadow(command, script, path, reason)


def _scripts_in(command: Command, checkout: Path) -> Iterator[tuple[Script, str]]:
    """Yield the user's scripts that are run from the checkout, with their paths relative to its top."""
    for script in command.scripts:
        path = _path_in(str(script.path), checkout)
        if path is None or _in_environment(script.path, checkout) or _is_copied(script, command):
            continue
        yield script, path


def _is_copied(script: Script, command: Command) -> bool:
    """Whether a command only copies a script, to run the copy in the commit's tree."""
    named = rf"(\bcp\s+(?:-\S+\s+)*)?[\"']?{re.escape(str(script.path))}(?![\w.-])"
    copies = re.findall(named, " ".join(command.argv))
    return bool(copies) and all(copies)


def _script_shadow(command: Command, script: Script, path: str, reason: str) -> Shadow:
    return Shadow(
        f"{path} is run from your checkout, and {reason}, at every commit",
        _with_script_copied(command, str(script.path), path),
    )


def _with_script_copied(command: Command, full: str, path: str) -> tuple[str, ...]:
    """The command that copies a user's script into the commit's tree and runs it there."""
    folder, name = os.path.split(path)
    target = path if folder else f"./{name}"
    steps = [f"mkdir -p {shlex.quote(folder)}"] if folder else []
    copy = f"cp {shlex.quote(full)} {shlex.quote(target)}"
    words = [_relocated(word, full, target) for word in command.argv]
    return ("sh", "-c", " && ".join((*steps, copy, _as_shell_line(words))))


def _as_shell_line(words: Sequence[str]) -> str:
    """Quote a command for a shell; the program of `sh -c` is kept as it is."""
    return words[2] if tuple(words[:2]) == ("sh", "-c") and len(words) == 3 else shlex.join(words)


def _own_folder_reason(script: Script) -> str:
    """Return how a script uses its own folder; empty if it does not."""
    interpreter = script.shebang[0] if script.shebang else ""
    if _PYTHON_FILE.search(interpreter) or script.path.suffix == ".py":
        return "Python imports from its folder first"
    return "it looks for files in its own folder" if _OWN_FOLDER.search(script.text) else ""


def _installed(command: Command, checkout: Path, read: ReadFile) -> Iterator[Shadow]:
    """Find installs of the project in the command's Python that take precedence over the tree."""
    named = named_pythons(command)
    for python in pythons(command):
        found = find_installs(python, checkout, command.environ)
        first = first_folders(command, read) if found else ()
        for install in found:
            if install.path not in first:
                certain = python in named and not install.copy
                yield Shadow(
                    _install_message(python, install, checkout),
                    _on_commit_packages(command, python, install),
                    (install.path or ".",) if certain else (),
                )


def _install_message(python: Path, install: Install, checkout: Path) -> str:
    if install.copy:
        return f"{python} imports an installed copy of the project at every commit ({install.file})"
    where = checkout / (install.path or ".")
    return f"{python} imports the project from your checkout, {where}, at every commit ({install.file})"


def _on_commit_packages(command: Command, python: Path, install: Install) -> tuple[str, ...]:
    """The command with the commit's packages: first on PYTHONPATH, or installed in a new environment."""
    if install.path is not None:
        others = command.environ.get("PYTHONPATH", "")
        path = f"{install.path}{os.pathsep}{others}" if others else install.path
        return ("env", f"PYTHONPATH={path}", *command.argv)
    words = [_relocated(word, str(python), "python") for word in command.argv]
    make_environment = (
        f"{shlex.quote(str(python))} -m venv .venv && . .venv/bin/activate && pip install -q -e ."
    )
    return ("sh", "-c", f"{make_environment} || exit 125; {_as_shell_line(words)}")


def _node_modules(command: Command, checkout: Path) -> Iterator[Shadow]:
    found = node_modules.find_node_modules(command, checkout)
    if found is None:
        return
    if found.links:
        names = ", ".join(tuple(found.links)[:_NAMES_SHOWN])
        message = f"{found.folder} links {names} to your checkout, which is the same at every commit"
    elif found.named:
        message = f"the command uses {found.folder} of your checkout, which is the same at every commit"
    else:
        message = f"no commit has {found.folder}: nothing is installed in its tree"
    words = [_relocated(word, str(found.folder), node_modules.NAME) for word in command.argv]
    visible = ("sh", "-c", f"{found.install} || exit 125; {_as_shell_line(words)}")
    yield Shadow(message, visible, tuple(found.links.values()) if found.used else ())


def _paths_in(word: str, checkout: Path) -> tuple[str, ...]:
    """The absolute paths in the checkout in a colon-separated word, relative to its top."""
    parts = word.rpartition("=")[2].partition("::")[0].split(os.pathsep)
    return tuple(path for part in parts if (path := _path_in(part, checkout)))


def _path_in(word: str, checkout: Path) -> str | None:
    """The absolute path in the checkout that a word names, relative to its top (`.` for the top)."""
    named = word.rpartition("=")[2].partition("::")[0]
    if not named.startswith("/"):
        return None
    path = Path(os.path.normpath(named))
    return path.relative_to(checkout).as_posix() if path.is_relative_to(checkout) else None


def _in_environment(path: Path, checkout: Path) -> bool:
    """Whether a file is in a virtual environment or in `node_modules` inside the checkout."""
    folders = [folder for folder in path.parents if folder.is_relative_to(checkout)]
    return node_modules.NAME in path.parts or any((folder / "pyvenv.cfg").is_file() for folder in folders)


def _relocated(word: str, full: str, path: str) -> str:
    """Replace an absolute path in a word by the path relative to the top."""
    return re.sub(rf"{re.escape(full)}(?![\w.-])", lambda _: path, word)
