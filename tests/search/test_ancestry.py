"""Sums over ancestors, compared with explicit walks."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import histories, line, lineage, many_merges
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Dag


@given(histories(30), st.integers(1, 3), st.data())
@settings(max_examples=150, deadline=None)
def test_sums_and_ancestors_are_those_of_the_lineage(parents, rows, data):
    dag = Dag(parents)
    number = st.floats(-5, 5, allow_nan=False)
    values = np.array(
        [data.draw(st.lists(number, min_size=len(parents), max_size=len(parents))) for _ in range(rows)]
    )
    sums = dag.ancestry.sums_over_ancestors(values)
    assert sums.shape == values.shape
    assert np.allclose(dag.ancestry.sums_over_ancestors(values[0]), sums[0])
    for sha, place in dag.index.items():
        ancestors = sorted(dag.index[each] for each in lineage(parents, sha))
        assert np.allclose(sums[:, place], values[:, ancestors].sum(axis=1))
        assert (
            np.flatnonzero(
                np.isin(np.arange(len(parents)), np.arange(len(parents))[dag.ancestry.ancestors_of(place)])
            ).tolist()
            == ancestors
        )


@given(histories(30), st.data())
@settings(max_examples=60, deadline=None)
def test_sums_over_descendants_match_a_walk(parents, data):
    dag = Dag(data.draw(st.sampled_from([parents, line(len(parents))])))
    numbers = st.lists(st.integers(-5, 5), min_size=len(parents), max_size=len(parents))
    values = np.array(data.draw(numbers), dtype=np.int64)
    expected = [values[sorted(dag.descendants(place))].sum() for place in range(len(parents))]
    assert dag.ancestry.sums_over_descendants(values).tolist() == expected
    assert dag.ancestry.sums_over_descendants(values / 4).tolist() == pytest.approx(
        [each / 4 for each in expected]
    )


def test_linear_history_is_detected():
    assert Dag(line(5)).ancestry.linear
    assert not Dag({"a": ("good",), "b": ("good",), "m": ("a", "b")}).ancestry.linear
    assert not Dag({"a": ("good",), "b": ("a",), "c": ("a",), "m": ("b", "c")}).ancestry.linear


def test_sums_over_thousands_of_merges_count_each_ancestor_once():
    """However many paths lead to it."""
    dag = Dag(many_merges(2000))
    counts = dag.ancestry.sums_over_ancestors(np.ones(len(dag.candidates)))
    for place in (0, 700, 1999, len(dag.candidates) - 1):
        assert round(counts[place]) == len(dag.ancestors([place]))
