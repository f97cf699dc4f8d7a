"""Order, ancestry and weights of a commit graph."""

from __future__ import annotations

import random
import time

import pytest

from bisect_tool.search import Bisection, Dag

DIAMOND = {"base": ("good",), "left": ("base",), "right": ("base",), "merge": ("left", "right")}


def test_ancestors_come_first_whatever_the_order_given():
    backwards = Dag(dict(reversed(DIAMOND.items())))
    assert backwards.candidates[0] == "base"
    assert backwards.candidates[-1] == "merge"
    assert Dag(DIAMOND).candidates == tuple(DIAMOND)


def test_the_boundary_is_what_lies_outside():
    assert Dag(DIAMOND).boundary == {"good"}


def test_weights_count_each_ancestor_once():
    dag = Dag(DIAMOND)
    assert dag.weights(range(4)) == [1, 2, 2, 4]
    assert dag.weights([1, 2, 3]) == [1, 1, 3]


def test_distances_go_both_ways():
    dag = Dag(DIAMOND)
    assert dag.distances(range(4), 1) == {1: 0, 0: 1, 3: 1, 2: 2}
    assert dag.distances([1, 2], 1) == {1: 0}


@pytest.mark.parametrize("parents", [{}, {"a": ("a",)}, {"a": ("b",), "b": ("a",)}])
def test_no_range_at_all(parents):
    with pytest.raises(ValueError, match=r"at least one|leads back"):
        Dag(parents)


def many_merges(size):
    """A mainline of merges, each bringing in a branch of one to five commits that was cut some time ago."""
    chance = random.Random(1)  # noqa: S311
    parents, mainline = {}, ["good"]
    while len(parents) < size:
        tip = mainline[max(0, len(mainline) - 1 - chance.randrange(50))]
        for _ in range(chance.randrange(1, 6)):
            name = f"c{len(parents)}"
            parents[name] = (tip,)
            tip = name
        merge = f"c{len(parents)}"
        parents[merge] = (mainline[-1], tip)
        mainline.append(merge)
    return parents


def a_line(size):
    return {f"c{i}": (f"c{i - 1}" if i else "good",) for i in range(size)}


@pytest.mark.parametrize(
    "parents", [many_merges(20_000), a_line(100_000)], ids=["20,000 merged", "100,000 line"]
)
def test_the_next_trial_of_a_long_history_comes_soon(parents):
    """About 0.4 s on an idle core of 2020; the limit leaves room for a busy machine."""
    state = Bisection.start(Dag(parents), list(parents)[-1])
    started = time.process_time()
    assert len(state.plan()) == 1
    assert time.process_time() - started < 3
