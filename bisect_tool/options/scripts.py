"""Find the script files that a command line cannot run without. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INTERPRETER = re.compile(
    r"(?:ba|da|z|k|a)?sh|python[\d.]*|pypy[\d.]*|perl[\d.]*|ruby[\d.]*|node|bun|php[\d.]*|lua"
)
_LAUNCHER = re.compile(
    r"env|timeout|nice|nohup|time|xvfb-run|uv|poetry|pipenv|hatch|pdm|run|-.*|[\d.]+[smhd]?"
)
_ASSIGNMENT = re.compile(r"\w+=")
_PYTEST = frozenset({"pytest", "py.test"})
_CODE = re.compile(r"-[A-Za-z]*[ce]|-[mpr]|--eval|--print|--command")
"""Options that are followed by code or a module, not by a file."""
_WITH_VALUE = frozenset(
    {"-W", "-X", "-o", "+o", "-O", "-I", "--rcfile", "--init-file", "-r", "--require", "--import"}
)


def scripts_of(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the program if it is a path, the script of an interpreter, and the test files of pytest."""
    program = [argv[0]] if "/" in argv[0] else []
    return tuple(dict.fromkeys((*program, *_interpreted(argv))))


def _interpreted(argv: Sequence[str]) -> Iterator[str]:
    """The files that the first interpreter runs, which may follow `env A=1`, `timeout 60`, or `uv run`."""
    for index, word in enumerate(argv):
        name = word.rpartition("/")[2]
        if _ASSIGNMENT.match(word) or _LAUNCHER.fullmatch(name):
            continue
        if name in _PYTEST:
            yield from _files(argv[index + 1 :])
        elif _INTERPRETER.fullmatch(name):
            rest = argv[index + 1 :]
            if tuple(rest[:2]) == ("-m", "pytest"):
                yield from _files(rest[2:])
            else:
                yield from _script(rest)
        elif index and "/" in word:
            yield word
        return


def _script(words: Sequence[str]) -> Iterator[str]:
    """The first argument that is not an option, if it looks like a file."""
    is_value = False
    for word in words:
        if not is_value and _CODE.fullmatch(word):
            return
        if not is_value and not word.startswith(("-", "+")):
            if "/" in word or "." in word:
                yield word
            return
        is_value = not is_value and word in _WITH_VALUE


def _files(words: Sequence[str]) -> Iterator[str]:
    """The test files among pytest's arguments, without the test names after `::`."""
    for word in words:
        file = word.partition("::")[0]
        if file.endswith(".py") and not file.startswith("-") and "=" not in file:
            yield file
