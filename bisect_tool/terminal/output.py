"""Print messages to stderr, and documents and reports to stdout."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.text import Text

from bisect_tool.sanitise import clean, redact, secret_values
from bisect_tool.terminal import terminal

if TYPE_CHECKING:
    from bisect_tool.results.document import Document


def say(message: str) -> None:
    """Print a sentence to stderr."""
    terminal.stderr().print(Text(_printable(message)), soft_wrap=True)


def say_error(message: str, hint: str = "") -> None:
    """Print an error and its hint to stderr."""
    line = Text.assemble(("error: ", "bold red"), _printable(message))
    terminal.stderr().print(line, soft_wrap=True)
    if hint:
        terminal.stderr().print(Text(_printable(hint)), soft_wrap=True)


def _printable(text: str) -> str:
    return clean(redact(text, secret_values(os.environ)))


def write_json(document: Document) -> None:
    """Print the document, and nothing else, to stdout."""
    terminal.write(document.to_json())


def write_report(document: Document) -> None:
    """Print the terminal report to stdout."""
    from bisect_tool.render.console import render_report  # noqa: PLC0415  # not all commands have a session

    terminal.show(render_report(document))
