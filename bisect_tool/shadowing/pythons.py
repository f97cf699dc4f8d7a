"""Find the Python of a command: named, in a script's first line, or of the active virtual environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.shadowing.command_words import Command

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_OWN_ENVIRONMENT = ("uv", "tox", "nox", "hatch")
"""Launchers that make an environment for each tree they are called in."""
_ACTIVE = ("--active", "--no-project")


def pythons(command: Command) -> tuple[Path, ...]:
    """Return the interpreters, without resolving links; if none is named, those on the command's PATH."""
    if _has_environment_of_its_own(command):
        return ()
    return named_pythons(command) or _once(_found_by_anything(command))


def named_pythons(command: Command) -> tuple[Path, ...]:
    """The interpreters that a command names, by themselves or by a script's first line."""
    return _once(_named(command))


def _once(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The first name of each interpreter: `python` and `python3` beside each other are mostly one."""
    first: dict[tuple[Path, Path], Path] = {}
    for path in paths:
        first.setdefault((path.parent, path.resolve()), path)
    return tuple(first.values())


def is_python(word: str) -> bool:
    """Whether a word names a Python interpreter."""
    return bool(_PYTHON.fullmatch(Path(word).name))


def _has_environment_of_its_own(command: Command) -> bool:
    launchers = {Path(word).name for word in command.words} & {*_OWN_ENVIRONMENT}
    return bool(launchers) and not set(command.words) & {*_ACTIVE}


def _named(command: Command) -> Iterator[Path]:
    for word in command.words:
        name = word.rpartition("=")[2]
        if name.endswith("/activate") and name.startswith("/"):
            yield Path(name).with_name("python")
        elif is_python(name):
            yield from _some(command.which(name))
        elif (script := command.script(name)) and script.shebang:
            interpreter = script.shebang[0]
            yield from _some(command.which(interpreter) if is_python(interpreter) else None)


def _found_by_anything(command: Command) -> Iterator[Path]:
    active = command.environ.get("VIRTUAL_ENV", "")
    if active.startswith("/"):
        yield Path(active, "bin", "python")
    for name in ("python3", "python"):
        yield from _some(command.which(name))


def _some(path: Path | None) -> tuple[Path, ...]:
    return (path,) if path else ()
