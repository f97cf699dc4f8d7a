"""Splitting a line for k trials at once: where, and in how many rounds."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Dag, Inference
from bisect_tool.search.parallel_split import partition


def parts(weights, cuts):
    edges = [0, *(cut + 1 for cut in cuts), len(weights)]
    return [weights[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=200), st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_cuts_ascend_and_lie_inside(weights, k):
    cuts = partition(weights, k)
    assert len(cuts) <= k
    assert list(cuts) == sorted(set(cuts))
    assert all(0 <= cut < len(weights) - 1 for cut in cuts)
    assert bool(cuts) == (len(weights) > 1)
    pieces = parts(weights, cuts)
    if len(weights) <= (k + 1) ** 2:
        assert max(map(len, pieces)) <= k + 1
    else:
        assert max(map(sum, pieces)) <= sum(weights) / (k + 1) + 2 * max(weights)


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("size", [32, 64, 128, 256, 512, 1024])
def test_the_mean_rounds_are_near_the_logarithm_to_the_base_k_plus_one(size, k):
    @cache
    def rounds(size):
        if size == 1:
            return 0.0
        weights = [1 / size] * size
        sizes = map(len, parts(weights, partition(weights, k)))
        return 1 + sum(each / size * rounds(each) for each in sizes)

    assert rounds(size) <= 1.15 * log(size) / log(k + 1)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_few_suspects_are_split_with_the_least_weight_left(k):
    """Against every way to cut: no other with parts of at most k + 1 leaves less in parts of two or more."""
    weights = [5.0, 1.0, 1.0, 7.0, 2.0, 3.0, 1.0, 4.0, 1.0][: (k + 1) ** 2]

    def left(pieces):
        return sum(sum(piece) for piece in pieces if len(piece) > 1)

    def ways(start, cuts):
        if len(weights) - start <= k + 1:
            yield parts(weights, cuts)
        if len(cuts) < k:
            for cut in range(start, min(start + k + 1, len(weights) - 1)):
                yield from ways(cut + 1, (*cuts, cut))

    assert left(parts(weights, partition(weights, k))) == min(map(left, ways(0, ())))


def test_many_suspects_are_split_by_weight():
    assert partition([1.0] * 100, 3) == (24, 49, 74)
    assert partition([97.0, *[1.0] * 97], 1) == (0,)


def test_plan_for_k_slots_uses_this_partition():
    dag = Dag({f"c{i}": (f"c{i - 1}" if i else "good",) for i in range(100)})
    assert Bisection(Inference(dag, "c99", ("good",))).plan(3) == ("c24", "c49", "c74")
