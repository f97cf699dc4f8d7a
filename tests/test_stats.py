"""Intervals and tests of failure rates, against published tables and by their properties."""

from __future__ import annotations

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.stats import Shift, false_pass_probability, fisher, shift, wilson


@st.composite
def counts(draw, most=60):
    runs = draw(st.integers(0, most))
    return draw(st.integers(0, runs)), runs


@pytest.mark.parametrize(
    ("failed", "runs", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(failed, runs, low, high):
    assert wilson(failed, runs) == pytest.approx((low, high), abs=5e-5)


def test_interval_without_runs_contains_any_rate():
    assert wilson(0, 0) == (0.0, 1.0)


@given(counts())
def test_interval_contains_the_rate_and_is_symmetric(counted):
    failed, runs = counted
    low, high = wilson(failed, runs)
    assert 0.0 <= low < high <= 1.0
    if runs:
        assert low <= failed / runs <= high
    assert wilson(runs - failed, runs) == pytest.approx((1 - high, 1 - low))


@given(st.integers(1, 40), st.integers(2, 20))
def test_more_runs_narrow_the_interval(runs, times):
    low, high = wilson(runs // 2, runs)
    narrow_low, narrow_high = wilson(runs // 2 * times, runs * times)
    assert narrow_high - narrow_low < high - low


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 4, 1, 4), 34 / 70),  # Fisher's lady who tastes tea
        ((10, 13, 2, 17), 0.0005367),  # his "Convictions of like-sex twins of criminals"
        ((0, 20, 0, 20), 1.0),
        ((20, 20, 0, 20), 2 / comb(40, 20)),
        ((5, 10, 0, 0), 1.0),
    ],
)
def test_published_p_values(table, p):
    assert fisher(*table) == pytest.approx(p, rel=1e-3)


@given(counts(30), counts(30))
def test_fisher_is_symmetric(one, other):
    p = fisher(*one, *other)
    assert 0.0 < p <= 1.0
    assert fisher(*other, *one) == p
    failed, runs = one
    other_failed, other_runs = other
    assert fisher(runs - failed, runs, other_runs - other_failed, other_runs) == p


@given(counts(20))
def test_equal_counts_have_p_value_1(one):
    assert fisher(*one, *one) == 1.0


@pytest.mark.parametrize(("failed", "runs"), [(2, 1), (-1, 3), (0, -1)])
def test_impossible_counts(failed, runs):
    with pytest.raises(ValueError, match="cannot have failed"):
        wilson(failed, runs)
    with pytest.raises(ValueError, match="cannot have failed"):
        fisher(failed, runs, 0, 1)


def test_false_pass_probability_of_known_counts():
    """Without passes it is 1, and for one pass it is 1 minus the mean of the rate's posterior."""
    assert false_pass_probability(5, 16, 0) == 1.0
    assert false_pass_probability(5, 16, 1) == pytest.approx(11.5 / 16)
    assert false_pass_probability(1, 1, 1) == pytest.approx(0.5)


@given(
    st.integers(1, 40).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))),
    st.integers(0, 40),
)
def test_false_pass_probability_falls_with_streaks_and_failures(seen, passes):
    failed, runs = seen
    assert (
        0.0
        < false_pass_probability(failed, runs, passes + 1)
        < false_pass_probability(failed, runs, passes)
        <= 1.0
    )
    assert false_pass_probability(failed, runs, passes) >= false_pass_probability(
        min(failed + 1, runs), runs, passes
    )


@pytest.mark.parametrize(
    ("one", "other", "outside"),
    [
        (3, 3, 0),
        (4, 3, 0),
        (4, 4, 1),
        (5, 3, 1),
        (5, 5, 3),
        (8, 8, 14),
        (10, 10, 24),
        (20, 20, 128),
        (0, 5, 0),
    ],
)
def test_intervals_of_a_shift_match_published_tables(one, other, outside):
    """Critical values of the two-sided Mann-Whitney U at 5%: one less than the number left out."""
    found = shift(range(one), [0.0] * other) if outside else shift([0.0] * one, [0.0] * other)
    if not outside:
        assert found is None
        return
    differences = sorted(float(value) for value in range(one) for _ in range(other))
    assert (found.low, found.high) == (differences[outside - 1], differences[-outside])


def test_shift_is_significant_only_beyond_chance():
    assert shift([5, 6, 7, 8], [1, 2, 3, 4]) == Shift(4.0, 1, 7)
    assert shift([5, 6, 7, 8], [1, 2, 3, 4]).is_significant
    assert shift([1, 2, 3, 4], [5, 6, 7, 8]).is_significant
    assert not shift([1, 0, 1, 0], [0, 1, 0, 1]).is_significant


def test_interval_of_a_shift_covers_the_true_shift():
    """In at least 95% of 400 pairs of samples that are shifted by 1."""
    draw = random.Random(7)  # noqa: S311
    held = 0
    for _ in range(400):
        found = shift(
            [draw.expovariate(1.0) + 1.0 for _ in range(6)], [draw.expovariate(1.0) for _ in range(5)]
        )
        held += found.low <= 1.0 <= found.high
    assert held >= 380
