"""The remaining work of a session as text: steps, time and GPU-hours."""

from __future__ import annotations

import pytest

from bisect_tool.expected_cost import PastTrial
from bisect_tool.terminal.snapshot import RunningTrial, Snapshot
from bisect_tool.terminal.work_left import cost_left, range_left


def snapshot(steps, past=(), slots=1, *, searching=True, **more):
    mean = sum(trial.test_s for trial in past) / len(past) if past else None
    cost = cost_left(steps, slots, past, searching=searching)
    fields = {"remaining": 9, "mean_s": mean, "cost_left": cost} | more
    return Snapshot(began=0.0, slots=slots, searching=searching, steps_left=steps, **fields)


def past(*seconds, gpus=0):
    return tuple(PastTrial(each, gpus=gpus) for each in seconds)


@pytest.mark.parametrize(
    ("remaining", "steps", "trials", "text"),
    [
        (9, 4, (), "narrowed to 9 commits, ~4 steps left"),
        (1, 1, past(50.0), "narrowed to 1 commit, ~1 step left, ~10 s"),
        (9, 4, past(50.0), "narrowed to 9 commits, ~4 steps left, ~2 min"),
        (0, 0, past(50.0), "no commits left to search"),
    ],
)
def test_range_left(remaining, steps, trials, text):
    """A trial that has run for longer than the mean counts as one mean trial, not as more."""
    running = (RunningTrial(0, "27066d1b2", "", "narrow", 0.0),)
    assert range_left(snapshot(steps, trials, remaining=remaining, running=running), 1000.0) == text


def test_disagreeing_runs_do_not_count_as_narrowing():
    shown = range_left(snapshot(4, disagreement="runs disagree"), 0.0)
    assert shown == "runs disagree, 9 likely commits, ~4 steps left"


@pytest.mark.parametrize(("slots", "text"), [(1, "~8 min"), (3, "~4 min"), (7, "~3 min")])
def test_more_slots_need_less_time(slots, text):
    assert range_left(snapshot(8, past(60.0), slots), 0.0).endswith(text)


@pytest.mark.parametrize(
    ("slots", "left", "trials", "text"),
    [
        (1, 1, (), "1 run left"),
        (1, 18, (), "18 runs left"),
        (1, 18, past(20.0), "18 runs left, ~6 min"),
        (2, 18, past(20.0), "18 runs left, ~3 min"),
        (4, 18, past(20.0), "18 runs left, ~2 min"),
        (2, 0, past(20.0), "0 runs left"),
    ],
)
def test_runs_left_without_a_search(slots, left, trials, text):
    assert range_left(snapshot(left, trials, slots, searching=False), 0.0) == text


def test_different_durations_give_an_interval():
    shown = range_left(snapshot(4, past(60.0, 300.0)), 0.0)
    assert shown == "narrowed to 9 commits, ~4 steps left, ~12 min (8 to 16 min)"


def test_gpu_hours_are_those_of_all_slots():
    shown = range_left(snapshot(3, past(900.0, gpus=4), slots=1), 0.0)
    assert shown.endswith("~3 steps left, ~45 min, ~3.0 GPU-hours")
    shown = range_left(snapshot(2, past(600.0, 1200.0, gpus=2), slots=3), 0.0)
    assert shown.endswith("~2 steps left, ~19 min (10 to 20 min), ~1.5 GPU-hours (1.0 to 2.0)")
