"""Find a command's Python: one that it names, in a script's shebang, or in the active environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.shadowing.command_words import Command

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_OWN_ENVIRONMENT = ("uv", "tox", "nox", "hatch")
"""Launchers that create an environment for each tree that they run in."""
_ACTIVE = ("--active", "--no-project")


def pythons(command: Command) -> tuple[Path, ...]:
    """Return the interpreters of a command, links not resolved; if it names none, those on its PATH."""
    if _has_own_environment(command):
        return ()
    return named_pythons(command) or _unique(_default_pythons(command))


def named_pythons(command: Command) -> tuple[Path, ...]:
    """Return the interpreters that a command names, directly or by a script's shebang."""
    return _unique(_named(command))


def _unique(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Keep the first path of each interpreter: `python` and `python3` in a folder are usually the same."""
    unique: dict[tuple[Path, Path], Path] = {}
    for path in paths:
        unique.setdefault((path.parent, path.resolve()), path)
    return tuple(unique.values())


def is_python(word: str) -> bool:
    """Whether a word names a Python interpreter."""
    return bool(_PYTHON.fullmatch(Path(word).name))


def _has_own_environment(command: Command) -> bool:
    launchers = {Path(word).name for word in command.words} & {*_OWN_ENVIRONMENT}
    return bool(launchers) and not set(command.words) & {*_ACTIVE}


def _named(command: Command) -> Iterator[Path]:
    for word in command.words:
        name = word.rpartition("=")[2]
        if name.endswith("/activate") and name.startswith("/"):
            yield Path(name).with_name("python")
        elif is_python(name):
            yield from _as_tuple(command.which(name))
        elif (script := command.script(name)) and script.shebang:
            interpreter = script.shebang[0]
            yield from _as_tuple(command.which(interpreter) if is_python(interpreter) else None)


def _default_pythons(command: Command) -> Iterator[Path]:
    active = command.environ.get("VIRTUAL_ENV", "")
    if active.startswith("/"):
        yield Path(active, "bin", "python")
    for name in ("python3", "python"):
        yield from _as_tuple(command.which(name))


def _as_tuple(path: Path | None) -> tuple[Path, ...]:
    return (path,) if path else ()
