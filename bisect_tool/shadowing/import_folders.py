"""Find the folders from which a command's Python imports: PYTHONPATH and editable installs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.shadowing.installed_checkouts import find_installs
from bisect_tool.shadowing.pythons import pythons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.shadowing.command_words import Command

_VARIABLE = "PYTHONPATH"
_ROOT = Path("/")


def find_import_folders(command: Command) -> tuple[Path, ...]:
    """Return the folders in `PYTHONPATH` and of editable installs, inside and outside any checkout."""
    return tuple(dict.fromkeys((*_pythonpath_entries(command), *_installed_folders(command))))


def path_entries(command: Command) -> tuple[str, ...]:
    """The entries of `PYTHONPATH` in the environment of a command."""
    return tuple(command.environ.get(_VARIABLE, "").split(os.pathsep))


def _pythonpath_entries(command: Command) -> Iterator[Path]:
    assignments = [word for word in command.words if word.startswith(f"{_VARIABLE}=")]
    entries = (entry for word in assignments for entry in word.partition("=")[2].split(os.pathsep))
    return (Path(entry) for entry in (*path_entries(command), *entries) if entry.startswith("/"))


def _installed_folders(command: Command) -> Iterator[Path]:
    for python in pythons(command):
        for install in find_installs(python, _ROOT, command.environ):
            if install.path is not None and not install.copy:
                yield _ROOT / install.path
