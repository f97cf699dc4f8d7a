"""Collect the words of a command: its own, those of shell programs in it, and those of its scripts."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 64 * 1024
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")


@dataclass(frozen=True)
class Script:
    """A text file that a command runs; `shebang` are the words of its first line, if it has one."""

    path: Path
    text: str

    @property
    def shebang(self) -> tuple[str, ...]:
        """The interpreter and its arguments; what `env` starts in the place of `env`."""
        first, _, rest = self.text.partition("\n")
        words = first[2:].split() if first.startswith("#!") else []
        if rest.startswith("'''exec'"):  # how pip and uv write a path that is too long for a first line
            words = _split(rest.partition("\n")[0])[1:2]
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return tuple(named if words and Path(words[0]).name == "env" else words)


@dataclass(frozen=True)
class Command:
    """A command as it was resolved, and the environment it is run in.

    `own` are the texts of the commits' scripts that it names, by their relative paths.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, those of shell programs among them, and those of the shell scripts that it runs."""
        own = [part for word in self.argv for part in (word, *(_split(word) if " " in word else ()))]
        inner = [part for script in self.scripts if _is_shell(script) for part in _split(script.text)]
        return tuple(self._expanded(part) for part in (*own, *inner))

    @cached_property
    def scripts(self) -> tuple[Script, ...]:
        """The scripts that it runs: the user's, text files by absolute paths, and the commits' own."""
        parts = [part for word in self.argv for part in (word, *_split(word))]
        found = (script_at(Path(part)) for part in dict.fromkeys(parts) if part.startswith("/"))
        own = (Script(Path(path), text) for path, text in self.own.items())
        return (*(script for script in found if script), *own)

    def script(self, word: str) -> Script | None:
        """The script that a word names."""
        if (path := os.path.normpath(word)) in self.own:
            return Script(Path(path), self.own[path])
        found = self.which(word)
        return script_at(found) if found else None

    def which(self, word: str) -> Path | None:
        """The program that a word names: by an absolute path, or on the command's `PATH`."""
        if "/" in word:
            return Path(word) if word.startswith("/") and _is_file(Path(word)) else None
        found = shutil.which(word, path=self.environ.get("PATH", os.defpath)) if word else None
        return Path(found) if found and found.startswith("/") else None

    def _expanded(self, word: str) -> str:
        """A word with the variables in it that are set, as far as they say where things are installed."""
        for name in ("HOME", "VIRTUAL_ENV"):
            value = self.environ.get(name, "")
            word = word.replace(f"${{{name}}}", value).replace(f"${name}", value) if value else word
        return word


def script_at(path: Path) -> Script | None:
    """The script at a path; None where there is no text file."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except (OSError, ValueError):  # no file, or one that is not executable
        return None
    return None if b"\0" in content else Script(path, content.decode("utf-8", "replace"))


def _is_shell(script: Script) -> bool:
    interpreter = Path(script.shebang[0]).name if script.shebang else "sh"
    return interpreter in _SHELLS and script.path.suffix in ("", ".sh", ".bash")


def _split(text: str) -> list[str]:
    """The words of a shell program; if its quotes do not match, the words between blanks."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.wordchars += "$@%:{}[]+,^"
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False
