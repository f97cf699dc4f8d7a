"""Render failures that are associated with a busy machine, one line for each group of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from bisect_tool.format import listing
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bisect_tool.json_document.document import Document, LoadContrast


TITLE = "Failures associated with a busy machine"
_CELLS = 4


def contrast_text(contrast: LoadContrast) -> str:
    """`3 of 3 failures and 0 of 5 passes happened while the machine was busy (CPU pressure 60%)`."""
    failures = f"{contrast.busy_failures} of {contrast.failures} failures"
    passes = f"{contrast.busy_passes} of {contrast.passes} passes"
    return f"{failures} and {passes} happened while the machine was busy ({contrast.measure})"


def render_load(document: Document) -> RenderableType | None:
    """Render a line for each group of cells; None if no failure is associated with the load."""
    if not document.load:
        return None
    lines = [
        Text(clean_line(f"{listing(each.cells, _CELLS)}: {contrast_text(each)}")) for each in document.load
    ]
    return Group(Text(TITLE, "bold yellow"), Padding(Group(*lines), (0, 0, 0, 2)))
