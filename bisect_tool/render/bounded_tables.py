"""Shorten tables and notes of many cells with equal results; the JSON document has every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.format import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.json_document.document import CellReport

_ROW_LIMIT = 24
_ROWS_PER_RESULT = 5
_NOTE_LIMIT = 12
_CELLS_LISTED = 2


@dataclass(frozen=True)
class Row:
    """A cell and its result; if `more` is not 0, it counts further cells with the same result."""

    cell: str
    report: CellReport
    more: int = 0

    @property
    def name(self) -> str:
        """The text of the first column."""
        return f"and {count(self.more, 'more cell')}" if self.more else self.cell


def rows(cells: Mapping[str, CellReport]) -> tuple[Row, ...]:
    """Return a row for each cell; if there are many, the first of each result and a count of the others.

    In the second case, green cells come last.
    """
    if len(cells) <= _ROW_LIMIT:
        return tuple(Row(cell, report) for cell, report in cells.items())
    groups: dict[tuple[object, ...], list[str]] = {}
    for cell, report in cells.items():
        culprit = report.culprit.sha if report.culprit else ""
        groups.setdefault((report.finding == "green", report.finding, culprit), []).append(cell)
    found: list[Row] = []
    for _, names in sorted(groups.items(), key=lambda each: bool(each[0][0])):
        found += [Row(cell, cells[cell]) for cell in names[:_ROWS_PER_RESULT]]
        if len(names) > _ROWS_PER_RESULT:
            found.append(Row("", cells[names[_ROWS_PER_RESULT]], len(names) - _ROWS_PER_RESULT))
    return tuple(found)


def notes(notes_of_cells: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return each distinct note once, with its cells; notes beyond the limit are counted."""
    groups: dict[str, list[str]] = {}
    for cell, text in notes_of_cells:
        groups.setdefault(text, []).append(cell)
    lines = [f"{listing(cells, _CELLS_LISTED)}: {text}" for text, cells in groups.items()]
    more = len(lines) - _NOTE_LIMIT
    return (*lines[:_NOTE_LIMIT], *([f"and {count(more, 'more note')}"] if more > 0 else []))
