"""Limit the lines spent on many cells with equal results; the JSON document has every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.format import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.results.document import CellReport

_ROWS = 24
_EACH = 5
_NOTES = 12
_CELLS_NAMED = 2


@dataclass(frozen=True)
class Row:
    """A cell and its result; if `more` is not 0, it counts further cells with the same result."""

    cell: str
    report: CellReport
    more: int = 0

    @property
    def name(self) -> str:
        """Text of the first column."""
        return f"and {count(self.more, 'more cell')}" if self.more else self.cell


def rows(cells: Mapping[str, CellReport]) -> tuple[Row, ...]:
    """Return a row for each cell; of many cells, the first of each result and a count of the others.

    Green cells are last then.
    """
    if len(cells) <= _ROWS:
        return tuple(Row(cell, report) for cell, report in cells.items())
    alike: dict[tuple[object, ...], list[str]] = {}
    for cell, report in cells.items():
        culprit = report.culprit.sha if report.culprit else ""
        alike.setdefault((report.finding == "green", report.finding, culprit), []).append(cell)
    found: list[Row] = []
    for _, names in sorted(alike.items(), key=lambda each: bool(each[0][0])):
        found += [Row(cell, cells[cell]) for cell in names[:_EACH]]
        if len(names) > _EACH:
            found.append(Row("", cells[names[_EACH]], len(names) - _EACH))
    return tuple(found)


def notes(said: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return each distinct note once, with its cells; notes beyond the limit are counted."""
    alike: dict[str, list[str]] = {}
    for cell, text in said:
        alike.setdefault(text, []).append(cell)
    lines = [f"{listing(cells, _CELLS_NAMED)}: {text}" for text, cells in alike.items()]
    more = len(lines) - _NOTES
    return (*lines[:_NOTES], *([f"and {count(more, 'more note')}"] if more > 0 else []))
