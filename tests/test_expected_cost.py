"""Expected costs: properties for any durations and searches, and examples calculated by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.expected_cost import ExpectedCost, Interval, PastTrial, Schedule, expected_cost

SECONDS = st.floats(0.0, 1e5)
PAST = st.lists(
    st.builds(PastTrial, SECONDS, st.none() | SECONDS, st.integers(0, 8)), min_size=1, max_size=12
)
SEARCHES = st.lists(
    st.builds(Schedule, st.lists(st.integers(1, 9), min_size=1, max_size=6).map(tuple), st.integers(0, 12)),
    min_size=1,
    max_size=4,
)
MISSING = st.integers(0, 5)


def figures(cost):
    return [cost.wall_seconds, cost.trial_seconds, cost.gpu_seconds]


@settings(max_examples=40, deadline=None)
@given(SEARCHES, PAST, st.integers(1, 8), MISSING)
def test_one_more_slot_never_takes_longer(searches, past, slots, missing):
    few, more = (expected_cost(searches, past, count, missing) for count in (slots, slots + 1))
    for end in ("mean", "low", "high"):
        assert getattr(more.wall_seconds, end) <= getattr(few.wall_seconds, end) * (1 + 1e-9) + 1e-9


@settings(max_examples=40, deadline=None)
@given(SEARCHES, PAST, st.integers(1, 64), MISSING)
def test_idle_slots_cost_no_gpu_time(searches, past, slots, missing):
    alone, idle = (expected_cost(searches, past, count, missing) for count in (1, slots))
    assert (alone.trial_seconds, alone.gpu_seconds) == (idle.trial_seconds, idle.gpu_seconds)


@settings(max_examples=40, deadline=None)
@given(SEARCHES, PAST, st.integers(1, 8), MISSING)
def test_interval_contains_its_mean(searches, past, slots, missing):
    for each in figures(expected_cost(searches, past, slots, missing)):
        assert each.low <= each.mean <= each.high


@settings(max_examples=40, deadline=None)
@given(SEARCHES, PAST, st.integers(1, 8), MISSING)
def test_wall_time_is_between_that_of_busy_slots_and_that_of_one(searches, past, slots, missing):
    cost = expected_cost(searches, past, slots, missing)
    assert cost.wall_seconds.mean <= cost.trial_seconds.mean * (1 + 1e-9)
    assert cost.wall_seconds.mean * slots >= cost.trial_seconds.mean * (1 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(SEARCHES, st.integers(1, 8))
def test_cost_is_unknown_without_past_trials(searches, slots):
    assert expected_cost(searches, (), slots) is None


def test_cost_is_unknown_without_searches():
    assert expected_cost((), (PastTrial(1.0),)) is None


@pytest.mark.parametrize(
    ("sizes", "slots", "wall"),
    [((1, 1, 1), 1, 30), ((3,), 1, 30), ((3,), 2, 20), ((2, 2), 2, 20), ((5,), 9, 10)],
)
def test_rounds_follow_each_other_and_fill_the_slots(sizes, slots, wall):
    cost = expected_cost((Schedule(sizes),), (PastTrial(10.0, gpus=4),), slots)
    total = sum(sizes) * 10.0
    assert cost == ExpectedCost(
        Interval(wall, wall, wall), Interval(total, total, total), Interval(4 * total, 4 * total, 4 * total)
    )


@pytest.mark.parametrize(("missing", "built"), [(0, 0), (2, 2), (9, 3)])
def test_each_new_commit_builds_a_missing_environment(missing, built):
    past = (PastTrial(10.0, 100.0), PastTrial(10.0))
    cost = expected_cost((Schedule((1, 1, 1, 1, 1), commits=3),), past, 1, missing)
    assert cost.wall_seconds.mean == 50.0 + 100.0 * built


def test_builds_without_known_times_are_ignored():
    cost = expected_cost((Schedule((1, 1), commits=2),), (PastTrial(10.0),), 1, missing=2)
    assert cost.trial_seconds == Interval(20.0, 20.0, 20.0)


def test_interval_follows_from_searches_and_durations():
    searches = [Schedule((1,) * trials) for trials in range(5, 15)]
    cost = expected_cost(searches, [PastTrial(seconds) for seconds in (50.0, 100.0, 150.0)])
    assert cost.wall_seconds.mean == pytest.approx(950, rel=0.05)
    assert 450 < cost.wall_seconds.low < 700
    assert 1200 < cost.wall_seconds.high < 1500
