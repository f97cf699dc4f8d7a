"""Print messages to stderr, and documents and reports to stdout."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.text import Text

from bisect_tool.sanitise import clean, redact, secret_values
from bisect_tool.terminal import writer
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    from bisect_tool.json_document.document import Document

_YES = ("y", "yes")


def notify(message: str) -> None:
    """Print a sentence to stderr."""
    writer.stderr().print(Text(_printable(message)), soft_wrap=True)


def print_error(message: str, hint: str = "") -> None:
    """Print an error and its hint to stderr."""
    line = Text.assemble(("error: ", "bold red"), _printable(message))
    writer.stderr().print(line, soft_wrap=True)
    if hint:
        writer.stderr().print(Text(_printable(hint)), soft_wrap=True)


def is_interactive() -> bool:
    """Whether somebody reads stderr and can type an answer."""
    return sys.stdin is not None and sys.stdin.isatty() and writer.stderr().is_terminal


def ask(question: str) -> bool:
    """Ask on stderr; only `y` and `yes` mean yes."""
    writer.stderr().print(Text(f"{_printable(question)} [y/N] "), end="", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in _YES


def _printable(text: str) -> str:
    return redact(clean(text), secret_values(with_write_tokens(os.environ)))


def write_json(document: Document) -> None:
    """Print the document, and nothing else, to stdout."""
    writer.write(document.to_json())


def write_report(document: Document) -> None:
    """Print the terminal report to stdout."""
    from bisect_tool.render.console import render_report  # noqa: PLC0415  # not all commands have a session

    writer.show(render_report(document))
