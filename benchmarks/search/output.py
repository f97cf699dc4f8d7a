"""Markdown on stdout, progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table.

    Raises:
        ValueError: a row has more or fewer cells than the header.
    """
    lines = [_row(header), _row(["---"] * len(header))]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{len(row)} cells under {len(header)} headings")
        lines.append(_row(row))
    return "\n".join(lines)


def show(title: str, *parts: str) -> None:
    """Print a section."""
    sys.stdout.write("\n\n".join((f"## {title}", *parts)) + "\n\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Print what was just done."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
