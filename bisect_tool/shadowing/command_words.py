"""Collect the words of a command: its own, those of shell programs in it, and those of its scripts."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.files import read_linked

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 64 * 1024
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")


@dataclass(frozen=True)
class Script:
    """A text file that a command runs."""

    path: Path
    text: str

    @property
    def shebang(self) -> tuple[str, ...]:
        """The interpreter and its arguments from the first line; without `env` in front of them."""
        first, _, rest = self.text.partition("\n")
        words = first[2:].split() if first.startswith("#!") else []
        if rest.startswith("'''exec'"):  # pip and uv write this if the path is too long for a shebang
            words = _split(rest.partition("\n")[0])[1:2]
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return tuple(named if words and Path(words[0]).name == "env" else words)


@dataclass(frozen=True)
class Command:
    """A resolved command, and the environment that it runs in.

    `committed_scripts` are the texts of the scripts in the commits that it names, by relative path.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    committed_scripts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, including those of shell programs (`sh -c`) and of the shell scripts that it runs."""
        committed_scripts = [
            part for word in self.argv for part in (word, *(_split(word) if " " in word else ()))
        ]
        script_words = [part for script in self.scripts if _is_shell(script) for part in _split(script.text)]
        return tuple(self._expanded(part) for part in (*committed_scripts, *script_words))

    @cached_property
    def scripts(self) -> tuple[Script, ...]:
        """The scripts that it runs: text files named by absolute paths, and those of the commits."""
        parts = [part for word in self.argv for part in (word, *_split(word))]
        found = (script_at(Path(part)) for part in dict.fromkeys(parts) if part.startswith("/"))
        committed_scripts = (Script(Path(path), text) for path, text in self.committed_scripts.items())
        return (*(script for script in found if script), *committed_scripts)

    def script(self, word: str) -> Script | None:
        """The script that a word names, if any."""
        if (path := os.path.normpath(word)) in self.committed_scripts:
            return Script(Path(path), self.committed_scripts[path])
        found = self.which(word)
        return script_at(found) if found else None

    def which(self, word: str) -> Path | None:
        """The program that a word names, by an absolute path or on the command's `PATH`."""
        if "/" in word:
            return Path(word) if word.startswith("/") and _is_file(Path(word)) else None
        if word not in self._programs:
            found = shutil.which(word, path=self.environ.get("PATH", os.defpath)) if word else None
            self._programs[word] = Path(found) if found and found.startswith("/") else None
        return self._programs[word]

    @cached_property
    def _programs(self) -> dict[str, Path | None]:
        """Cache of the programs on `PATH`: each part of a search asks for those of all words."""
        return {}

    def _expanded(self, word: str) -> str:
        """Expand HOME and VIRTUAL_ENV, which say where things are installed."""
        for name in ("HOME", "VIRTUAL_ENV"):
            value = self.environ.get(name, "")
            word = word.replace(f"${{{name}}}", value).replace(f"${name}", value) if value else word
        return word


def script_at(path: Path) -> Script | None:
    """The script at a path; None if there is no text file."""
    try:
        content = read_linked(path, _LARGEST)
    except OSError:  # no such file, or it is not readable
        return None
    return None if b"\0" in content else Script(path, content.decode("utf-8", "replace"))


def _is_shell(script: Script) -> bool:
    interpreter = Path(script.shebang[0]).name if script.shebang else "sh"
    return interpreter in _SHELLS and script.path.suffix in ("", ".sh", ".bash")


def _split(text: str) -> list[str]:
    """Split a shell program into words; if its quotes do not match, at whitespace."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.wordchars += "$@%:{}[]+,^"
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a file name, or contains NUL
        return False
