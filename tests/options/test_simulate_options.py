"""Parsing `simulate --slots`."""

from __future__ import annotations

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.options.simulate_options import SimulateOptions


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("1", (1,)),
        ("64", (64,)),
        ("1..64", (1, 2, 4, 8, 16, 32, 64)),
        ("3..20", (3, 6, 12, 20)),
        ("4..4", (4,)),
        ("32..64", (32, 64)),
    ],
)
def test_slot_counts_are_doubled_up_to_the_last(text, counts):
    options = SimulateOptions(slots=text)
    assert (options.slot_counts, options.compares_slots) == (counts, ".." in text)


@pytest.mark.parametrize("text", ["", "0", "65", "1..65", "8..4", "1..", "..4", "1-4", "two", "-1", "1...4"])
def test_invalid_slot_counts_are_rejected(text):
    with pytest.raises(UsageError, match="not a number or range from 1 to 64"):
        _ = SimulateOptions(slots=text).slot_counts
