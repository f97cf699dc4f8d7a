"""Find a cell among the tests of reports, which may name its file differently or not at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


@dataclass(frozen=True)
class ReportedNames:
    """The names of the tests in reports."""

    names: Collection[str]

    def of(self, cell: str) -> str:
        """Return the name of a cell in reports: its id, or with a dotted module, or the only such test name.

        Empty if there is none, or if several tests of other files have that name.
        """
        for name in (cell, _dotted(cell)):
            if name in self.names:
                return name
        return _only(self._by_test.get(_test_id(cell), ()))

    @cached_property
    def _by_test(self) -> Mapping[str, Sequence[str]]:
        return _grouped((_test_id(name), name) for name in self.names)


@dataclass(frozen=True)
class Cells:
    """Finds cells by their names in reports."""

    cells: Collection[str]

    def called(self, name: str) -> str:
        """Return the cell with this name in reports; empty if there is none or the name is ambiguous."""
        return _only(self._by_name.get(name) or self._by_test.get(_test_id(name), ()))

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[str]]:
        return _grouped((name, cell) for cell in self.cells for name in {cell, _dotted(cell)})

    @cached_property
    def _by_test(self) -> Mapping[str, Sequence[str]]:
        return _grouped((_test_id(cell), cell) for cell in self.cells)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _only(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ""


def ambiguous(names: Iterable[str]) -> tuple[str, ...]:
    """Return the test ids shared by several names, sorted: cells with these are found by full name only."""
    ids = Counter(map(_test_id, names))
    return tuple(sorted(each for each, number in ids.items() if number > 1))


def _test_id(name: str) -> str:
    """Return the part of a name after its file and classes, with its parameters."""
    test, bracket, parameters = name.partition("[")
    return f"{test.rpartition('::')[2]}{bracket}{parameters}"


def _dotted(cell: str) -> str:
    """Return a cell as in pytest's JUnit XML: `tests/a.py::B::test_c` is `tests.a.B::test_c`.

    A module that could not be imported, `tests/a.py`, is `tests.a`.
    """
    where, bracket, parameters = cell.partition("[")
    *path, test = where.split("::")
    if not path and test.endswith(".py"):
        return test.removesuffix(".py").replace("/", ".")
    module = ".".join(each.removesuffix(".py").replace("/", ".") for each in path)
    return f"{module}::{test}{bracket}{parameters}"
