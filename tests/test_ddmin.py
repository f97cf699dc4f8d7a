"""Delta debugging: the result has the property, and no part of it can be removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.ddmin import minimal_subset


def needing(*needed):
    return lambda parts: set(needed) <= parts


@pytest.mark.parametrize(
    ("parts", "needed"),
    [
        ([7], [7]),
        ([1, 2], [2]),
        ([1, 2], [1, 2]),
        (range(8), [0, 7]),
        (range(16), [5]),
        (range(5), [1, 2, 3]),
    ],
)
def test_needed_parts_remain(parts, needed):
    assert minimal_subset(list(parts), needing(*needed)) == set(needed)


@given(st.integers(1, 12), st.data())
def test_single_needed_set_is_found(size, data):
    parts = list(range(size))
    needed = data.draw(st.sets(st.sampled_from(parts), min_size=1))
    assert minimal_subset(parts, needing(*needed)) == needed


@given(st.integers(2, 9), st.data())
def test_no_part_of_the_result_can_be_removed(size, data):
    """For any property that the whole set has."""
    parts = list(range(size))
    subsets = st.frozensets(st.sampled_from(parts), min_size=1)
    enough = data.draw(st.sets(subsets, max_size=40)) | {frozenset(parts)}
    calls = []

    def holds(some):
        calls.append(some)
        return some in enough

    found = minimal_subset(parts, holds)
    assert found in enough
    assert len(found) == 1 or not any(found - {part} in enough for part in found)
    assert len(calls) <= size * size + 3 * size
