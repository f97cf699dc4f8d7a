"""Find the folders of the commit's tree that a command's Python searches before installed packages.

Python itself adds some (https://docs.python.org/3/library/sys_path_init.html), and pytest inserts others
(https://docs.pytest.org/en/stable/explanation/pythonpath.html).
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

from bisect_tool.parse_untrusted import parse_toml, table_at
from bisect_tool.shadowing.pythons import is_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.shadowing.command_words import Command

ReadFile: TypeAlias = Callable[[str], str | None]
"""Returns the text of a file of the commit, by its path from the top; None if there is none."""

_CODE = re.compile(r"-[A-Za-z]*[mc]")
_ISOLATED = re.compile(r"-[A-Za-z]*[IP][A-Za-z]*")
_WITH_VALUE = ("-W", "-X")
_PYTESTS = ("pytest", "py.test")
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", ")"})
_SECTIONS = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
_DEFAULT_TEST_FOLDERS = ("tests", "test")


def first_folders(command: Command, read: ReadFile) -> frozenset[str]:
    """Return the folders whose modules take precedence over installed ones; `.` is the top of the tree."""
    words = command.words
    return frozenset(
        folder for index, word in enumerate(words) for folder in _folders_of(word, words[index + 1 :], read)
    )


def _folders_of(word: str, rest: Sequence[str], read: ReadFile) -> Iterator[str]:
    if is_python(word):
        yield from _python_folders(rest, read)
    elif posixpath.basename(word) in _PYTESTS:
        yield from _pytest_folders(tuple(takewhile(lambda each: each not in _SEPARATORS, rest)), read)


def _python_folders(rest: Sequence[str], read: ReadFile) -> Iterator[str]:
    """The current folder for `-m` and `-c`, else the script's folder; none in isolated mode."""
    words = iter(rest)
    for word in words:
        if _ISOLATED.fullmatch(word):
            return
        if _CODE.fullmatch(word):
            yield "."
            return
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            if not word.startswith("/") and read(posixpath.normpath(word)) is not None:
                yield posixpath.dirname(posixpath.normpath(word)) or "."
            return


def _pytest_folders(words: Sequence[str], read: ReadFile) -> Iterator[str]:
    """The folders that its configuration adds, and the basedir of each requested test file or folder."""
    settings = _pytest_settings(read)
    yield from map(
        posixpath.normpath, (*_list_setting(settings, "pythonpath"), *_list_setting(settings, "python_paths"))
    )
    if "importlib" in " ".join((*words, *_list_setting(settings, "addopts"))):
        return
    if read("conftest.py") is not None and read("__init__.py") is None:
        yield "."
    named = [word.partition("::")[0] for word in words if not word.startswith(("-", "/"))]
    for target in named or _list_setting(settings, "testpaths") or _DEFAULT_TEST_FOLDERS:
        yield _basedir(posixpath.normpath(target), read)


def _basedir(target: str, read: ReadFile) -> str:
    """The first folder at or above a test file or folder that has no `__init__.py`."""
    folder = posixpath.dirname(target) if target.endswith(".py") else target
    while folder not in ("", ".") and read(f"{folder}/__init__.py") is not None:
        folder = posixpath.dirname(folder)
    return folder or "."


def _pytest_settings(read: ReadFile) -> Mapping[str, object]:
    """The settings in the first configuration file that has any."""
    for file, section in _SECTIONS.items():
        if (text := read(file)) and (found := _section(text, section)):
            return found
    try:
        table = parse_toml(read("pyproject.toml") or "")
    except ValueError:
        return {}
    return table_at(table, "tool", "pytest", "ini_options")


def _section(text: str, section: str) -> Mapping[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:  # pytest cannot read it, either
        return {}
    return dict(parser.items(section)) if parser.has_section(section) else {}


def _list_setting(settings: Mapping[str, object], name: str) -> list[str]:
    value = settings.get(name, "")
    return [str(each) for each in value] if isinstance(value, list) else str(value).split()
