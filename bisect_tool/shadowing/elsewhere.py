"""Find the folders outside the user's checkout from which a command's Python imports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.shadowing.installed import installs
from bisect_tool.shadowing.pythons import pythons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.shadowing.command_words import Command

_VARIABLE = "PYTHONPATH"
_ROOT = Path("/")


def import_folders(command: Command) -> tuple[Path, ...]:
    """Return the folders of `PYTHONPATH` and of editable installs, wherever they are."""
    return tuple(dict.fromkeys((*_on_path(command), *_installed(command))))


def path_entries(command: Command) -> tuple[str, ...]:
    """The entries of `PYTHONPATH` in the environment of a command."""
    return tuple(command.environ.get(_VARIABLE, "").split(os.pathsep))


def _on_path(command: Command) -> Iterator[Path]:
    written = [word for word in command.words if word.startswith(f"{_VARIABLE}=")]
    entries = (entry for word in written for entry in word.partition("=")[2].split(os.pathsep))
    return (Path(entry) for entry in (*path_entries(command), *entries) if entry.startswith("/"))


def _installed(command: Command) -> Iterator[Path]:
    for python in pythons(command):
        for install in installs(python, _ROOT, command.environ):
            if install.path is not None and not install.copy:
                yield _ROOT / install.path
