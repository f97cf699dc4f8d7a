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
    """What reports call the tests that they have."""

    names: Collection[str]

    def of(self, cell: str) -> str:
        """What they call a cell: its id, else that with a dotted module, else the only name of such a test.

        Empty if there is none, or several tests of other files are called so.
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
    """Cells that are to be found by what reports call them."""

    cells: Collection[str]

    def called(self, name: str) -> str:
        """The cell that reports call `name`; empty if there is none, or several tests of other files fit."""
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
