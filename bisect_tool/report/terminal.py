"""The one place that writes to the terminal: the result on stdout, progress and prose on stderr."""

from __future__ import annotations

import io
import os
import re
import sys
from functools import cache
from typing import IO, TYPE_CHECKING, TextIO, cast

from rich.console import Console, Group

if TYPE_CHECKING:
    from rich.console import RenderableType

# Without a terminal, or with COLUMNS=0, nobody says how wide the paper is: wide enough for a CI log's tables.
_UNKNOWN_WIDTH = 120


@cache
def stdout() -> Console:
    """The console of the result."""
    return _console(stderr=False)


@cache
def stderr() -> Console:
    """The console of progress and prose."""
    return _console(stderr=True)


def show(renderable: RenderableType) -> None:
    """Print a view on stdout; commands and paths run past the width unbroken, so that they can be copied."""
    console = stdout()
    with console.capture() as paper:
        # A lone Text is taken apart by `print`, and would lose its no_wrap; a Group is not.
        console.print(Group(renderable), crop=False)
    # Tables fill their lines with spaces, which nobody wants in a file or a CI log.
    lines = paper.get() if console.is_terminal else _PADDING.sub("", paper.get())
    _put(console, lines)


def write(text: str) -> None:
    """Write a document (JSON, Markdown) on stdout as it is, ending with one newline."""
    _put(stdout(), text.rstrip("\n") + "\n")


def _put(console: Console, text: str) -> None:
    try:
        console.file.write(text)
        console.file.flush()
    except BrokenPipeError:
        console.on_broken_pipe()


class _Console(Console):
    """A console whose reader may leave (`| head`): that ends no session, and changes no exit code."""

    def on_broken_pipe(self) -> None:
        """From here on, what is written goes nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        # A mark that the terminal's encoding lacks must not end the run.
        stream.reconfigure(errors="backslashreplace")
    plain = "NO_COLOR" in os.environ
    console = _Console(
        file=cast("IO[str]", CommandGuard(stderr=stderr)) if _obeys_output() else None,
        stderr=stderr,
        color_system=None if plain else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )
    if console.width < 1 or (not console.is_terminal and "COLUMNS" not in os.environ):
        console.width = _UNKNOWN_WIDTH
    return console


class CommandGuard(io.TextIOBase):
    """Standard output (or error) of a CI job whose runner obeys commands found in it.

    GitHub's runner takes a line that begins with `::name` and Azure's one with `##vso[` or `##[` for a
    command, and a log line or a commit subject may hold one. A space takes their meaning away.
    Sources: https://docs.github.com/actions/reference/workflow-commands-for-github-actions,
    https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
    """

    def __init__(self, *, stderr: bool) -> None:
        super().__init__()
        self._stderr = stderr

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write the text with its commands made harmless."""
        return self._stream.write(_COMMAND.sub(lambda match: f"{match[1]} {match[2]}", text))

    def flush(self) -> None:
        """Flush the stream behind."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._stderr else sys.stdout


_PADDING = re.compile(r"(?m) +$")
_COMMAND = re.compile(r"(?m)(^\s*:|##)(:|\[|vso\[)")


def _obeys_output() -> bool:
    return bool(os.environ.get("GITHUB_ACTIONS") or os.environ.get("TF_BUILD"))
