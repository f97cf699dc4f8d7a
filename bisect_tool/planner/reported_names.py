"""Find a cell among the tests of reports, which may name its file differently or not at all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def reported_as(cell: str, names: Iterable[str]) -> str:
    """What reports call a cell: its id, else that with a dotted module, else the only name of such a test.

    Empty if there is none, or several tests of other files are called so.
    """
    names = tuple(names)
    for name in (cell, _dotted(cell)):
        if name in names:
            return name
    same = [name for name in names if _test_id(name) == _test_id(cell)]
    return same[0] if len(same) == 1 else ""


def cell_called(name: str, cells: Iterable[str]) -> str:
    """The cell that reports call `name`; empty if there is none, or several tests of other files fit."""
    cells = tuple(cells)
    exact = [cell for cell in cells if name in (cell, _dotted(cell))]
    same = exact or [cell for cell in cells if _test_id(cell) == _test_id(name)]
    return same[0] if len(same) == 1 else ""


def ambiguous(names: Iterable[str]) -> tuple[str, ...]:
    """The test ids that several names have, sorted: only cells with exactly these names are found."""
    ids = Counter(map(_test_id, names))
    return tuple(sorted(each for each, number in ids.items() if number > 1))


def _test_id(name: str) -> str:
    """The part of a name behind its file and its classes, with its parameters."""
    test, bracket, parameters = name.partition("[")
    return f"{test.rpartition('::')[2]}{bracket}{parameters}"


def _dotted(cell: str) -> str:
    """A cell as pytest writes it to JUnit XML: `tests/a.py::B::test_c` is `tests.a.B::test_c`."""
    where, bracket, parameters = cell.partition("[")
    *path, test = where.split("::")
    module = ".".join(each.removesuffix(".py").replace("/", ".") for each in path)
    return f"{module}::{test}{bracket}{parameters}"
