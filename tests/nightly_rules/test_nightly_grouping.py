"""Which cells share a bisection, and which of two overlapping ranges comes first."""

from nights import COMMITS, REGRESSION, A, B, cell, nights, reruns

from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Wait
from bisect_tool.nightly_rules.reason import Reason


def test_cells_that_never_passed_and_fail_equally_are_one_bisection():
    both = [one for key in (A, B) for one in nights("FFF F", key)]
    (found,) = set(decide(both, COMMITS, walks=True).values())
    assert found.cells == (A, B)


def test_cells_that_fail_equally_in_one_range_are_one_bisection():
    both = [one for key in (A, B) for one in (*nights("P P P P P FFF F", key), *reruns(4, "P", key))]
    found = decide(both, COMMITS)
    assert found[A] == found[B]
    assert found[A].cells == (A, B)
    assert [one.commit for one in found[A].trials if one.cell == B] == [f"c{number}" for number in range(7)]


def test_cells_that_fail_differently_are_two_bisections():
    other = [
        *nights("P P P P P FFF F", B, exception="OSError"),
        *reruns(4, "P", B),
    ]
    found = decide([*REGRESSION, *other], COMMITS)
    assert (found[A].cells, found[B].cells) == ((A,), (B,))


def test_cells_of_two_jobs_without_known_exceptions_are_two_bisections():
    keys = (cell("", "gpu"), cell("", "cpu"))
    both = [
        one
        for key in keys
        for one in (*nights("P P P P P FFF F", key, exception=""), *reruns(4, "P", key, exception=""))
    ]
    found = decide(both, COMMITS)
    assert [found[key].cells for key in keys] == [(keys[0],), (keys[1],)]


def test_shorter_of_two_overlapping_ranges_is_bisected_first():
    wide = [*nights("P P P P M FFF F", B), *reruns(3, "P", B)]
    found = decide([*REGRESSION, *wide], COMMITS)
    assert isinstance(found[A], Bisect)
    assert found[B] == Wait(Reason.OVERLAP)
