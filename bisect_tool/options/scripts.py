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
"""Options after which comes code or a module, not a file."""
_WITH_VALUE = frozenset(
    {"-W", "-X", "-o", "+o", "-O", "-I", "--rcfile", "--init-file", "-r", "--require", "--import"}
)


def scripts_of(argv: Sequence[str]) -> tuple[str, ...]:
    """The program itself where it is given by a path, the script of an interpreter, the files of pytest."""
    program = [argv[0]] if "/" in argv[0] else []
    return tuple(dict.fromkeys((*program, *_interpreted(argv))))


def _interpreted(argv: Sequence[str]) -> Iterator[str]:
    """What the interpreter runs that comes first, or after `env A=1`, `timeout 60`, `uv run`."""
    for place, word in enumerate(argv):
        name = word.rpartition("/")[2]
        if _ASSIGNMENT.match(word) or _LAUNCHER.fullmatch(name):
            continue
        if name in _PYTEST:
            yield from _files(argv[place + 1 :])
        elif _INTERPRETER.fullmatch(name):
            rest = argv[place + 1 :]
            if tuple(rest[:2]) == ("-m", "pytest"):
                yield from _files(rest[2:])
            else:
                yield from _script(rest)
        elif place and "/" in word:
            yield word
        return


def _script(words: Sequence[str]) -> Iterator[str]:
    """The first word that is no option, if it looks like a file."""
    value = False
    for word in words:
        if not value and _CODE.fullmatch(word):
            return
        if not value and not word.startswith(("-", "+")):
            if "/" in word or "." in word:
                yield word
            return
        value = not value and word in _WITH_VALUE


def _files(words: Sequence[str]) -> Iterator[str]:
    """Test files among the arguments of pytest, without the test that is named after `::`."""
    for word in words:
        file = word.partition("::")[0]
        if file.endswith(".py") and not file.startswith("-") and "=" not in file:
            yield file
