"""The one place that writes to the terminal: the result on stdout, progress and prose on stderr."""

from __future__ import annotations

import io
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

# Without a terminal nobody says how wide the paper is: wide enough for a CI log's table rows.
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
    stdout().print(renderable, crop=False)


def write(text: str) -> None:
    """Write a document (JSON, Markdown) on stdout as it is, ending with one newline."""
    stdout().file.write(text.rstrip("\n") + "\n")
    stdout().file.flush()


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        # A mark that the terminal's encoding lacks must not end the run.
        stream.reconfigure(errors="backslashreplace")
    plain = "NO_COLOR" in os.environ
    console = Console(
        stderr=stderr, color_system=None if plain else "auto", markup=False, emoji=False, highlight=False
    )
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNKNOWN_WIDTH
    return console
