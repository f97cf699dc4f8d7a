"""Order and ancestry of a commit graph."""

from __future__ import annotations

import pytest
from graphs import line, many_merges, started

from bisect_tool.search import Dag
from bisect_tool.verdict import Verdict

DIAMOND = {"base": ("good",), "left": ("base",), "right": ("base",), "merge": ("left", "right")}


def test_ancestors_come_first_for_any_input_order():
    backwards = Dag(dict(reversed(DIAMOND.items())))
    assert backwards.candidates[0] == "base"
    assert backwards.candidates[-1] == "merge"
    assert Dag(DIAMOND).candidates == tuple(DIAMOND)


def test_boundary_is_the_set_of_parents_outside():
    assert Dag(DIAMOND).boundary == {"good"}


def test_descendants_and_ancestors_of_a_diamond():
    dag = Dag(DIAMOND)
    assert [dag.descendants(commit) for commit in range(4)] == [{0, 1, 2, 3}, {1, 3}, {2, 3}, {3}]
    assert [dag.ancestors([commit]) for commit in range(4)] == [{0}, {0, 1}, {0, 2}, {0, 1, 2, 3}]


def test_distances_go_both_ways():
    assert Dag(DIAMOND).distances(1).tolist() == [1, 0, 2, 1]
    assert Dag({"a": ("good",), "b": ("other",)}).distances(0).tolist() == [0, 2]


@pytest.mark.parametrize("parents", [{}, {"a": ("a",)}, {"a": ("b",), "b": ("a",)}])
def test_empty_and_cyclic_ranges_are_rejected(parents):
    with pytest.raises(ValueError, match=r"at least one|contains a cycle"):
        Dag(parents)


@pytest.mark.parametrize(("history", "length"), [(many_merges, 20_000), (line, 200_000)])
def test_the_next_commit_of_a_long_history_halves_it(history, length):
    parents = history(length)
    search = started(parents)
    (first,) = search.plan()
    dag = search.known.dag
    share = len(dag.ancestors([dag.index[first]])) / len(parents)
    assert 0.35 < share < 0.65
    search = search.observe((first, Verdict.BAD))
    (then,) = search.plan()
    assert dag.index[then] in dag.ancestors([dag.index[first]])
    assert 0.1 < len(dag.ancestors([dag.index[then]])) / len(parents) < share


def test_skips_in_a_long_history_are_avoided():
    search = started(many_merges(5000))
    (first,) = search.plan()
    (other,) = search.observe((first, Verdict.SKIP)).plan()
    assert other != first
