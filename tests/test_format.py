"""Formatting of numbers and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.format import between, count, duration, hours, joined, listing, outcome_text, roughly, tally


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (27 * 3600, "1 d 03 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@given(st.floats(0, 1e7))
def test_duration_is_accurate_to_five_percent(seconds):
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    words = duration(seconds).split()
    total = sum(float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert abs(total - seconds) <= max(0.05 * seconds, 0.051)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "~10 s"), (24, "~20 s"), (58, "~1 min"), (200, "~3 min"), (5399, "~90 min"), (7300, "~2 h")],
)
def test_roughly(seconds, text):
    assert roughly(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (120, 300, "2 to 5 min"),
        (50, 120, "50 s to 2 min"),
        (121, 122, "2 min"),
        (3000, 7200, "50 min to 2 h"),
    ],
)
def test_between(low, high, text):
    assert between(low, high) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0"), (17, "<0.01"), (120, "0.03"), (340, "0.09"), (343, "0.1"), (35_800, "9.9"), (35_900, "10")],
)
def test_hours(seconds, text):
    assert hours(seconds) == text


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b"), "a and b"),
        (("a", "b", "c"), "a, b and c"),
        (("a", "b", "c", "d", "e"), "a, b, c and 2 more"),
    ],
)
def test_listing(items, text):
    assert listing(items) == text


def test_notes_are_joined_without_empty_ones():
    assert joined("", "breaks twice", "may be unseen") == "breaks twice; may be unseen"
    assert joined("", "") == ""


def test_count():
    assert [count(number, "commit") for number in (0, 1, 2)] == ["0 commits", "1 commit", "2 commits"]


def test_tally_and_outcome_text():
    outcomes = ("passed", "failed", "passed")
    assert tally(outcomes) == "2 passed, 1 failed"
    assert outcome_text("failed", "", outcomes) == "2 passed, 1 failed"
    assert outcome_text("infrastructure", "no GPU is free", ()) == "infrastructure: no GPU is free"
    assert outcome_text("unbuildable", "does not build: no compiler", ()) == "does not build: no compiler"
    assert outcome_text("errored", "", ()) == "errored"
