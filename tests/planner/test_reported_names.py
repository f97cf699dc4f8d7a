"""Which test of a report is a cell."""

import pytest

from bisect_tool.planner.reported_names import Cells, ReportedNames, ambiguous


@pytest.mark.parametrize(
    ("cell", "names", "found"),
    [
        ("tests/a.py::t", ["tests/a.py::t", "tests.a::t"], "tests/a.py::t"),
        ("tests/a.py::t[1::2]", ["tests.a::t[1::2]", "tests.b::t[1::2]"], "tests.a::t[1::2]"),
        ("tests/a.py::B::t", ["tests.a.B::t", "tests.a::t"], "tests.a.B::t"),
        ("tests/a.py::t[x]", ["a::t[x]", "a::t[y]"], "a::t[x]"),
        ("test_lb[4]", ["e2e.test_suite::test_lb[4]"], "e2e.test_suite::test_lb[4]"),
        ("tests/a.py", ["tests.a", "tests.a::t"], "tests.a"),
        ("tests/a.py::t", ["x::t", "y::t"], ""),
        ("tests/a.py::t", ["tests.a::u", "tests.a::t[1]"], ""),
        ("tests/a.py::t", [], ""),
    ],
)
def test_a_cell_is_found_by_its_id_then_its_module_then_its_name(cell, names, found):
    assert ReportedNames(names).of(cell) == found


def test_names_of_several_files_are_ambiguous():
    assert ambiguous(["x::t[1]", "y::t[1]", "x::t[2]", "u"]) == ("t[1]",)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("t.py::test_a[4]", "t.py::test_a[4]"),
        ("t::test_b", "t.py::test_b"),
        ("tests.t::test_a[4]", "t.py::test_a[4]"),
        ("tests.t::test_b", ""),
        ("tests.t::test_c", ""),
    ],
)
def test_cell_by_the_name_of_a_report(name, cell):
    assert Cells(("t.py::test_a[4]", "t.py::test_b", "u.py::test_b")).called(name) == cell


def test_a_module_that_could_not_be_imported_is_found_by_its_dotted_name():
    assert Cells(("tests/a.py", "tests/a.py::t")).called("tests.a") == "tests/a.py"
