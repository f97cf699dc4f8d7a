"""The walk back from an end: its stops, its end, and its conclusions if it finds no other end."""

import pytest
from worlds import GOOD, World, line, one_cell

from bisect_tool.planner import Finding, Purpose, WalkGoal, WalkPlanner, found_end
from bisect_tool.planner.walk import walk_stops
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

HISTORY = (GOOD, *line(100))


def stops(world, length=100):
    return walk_stops((GOOD, *world.parents)[-length:])


def walked(world, goal, budget=None):
    """The shas that a walk ran, and its last state."""
    planner, trials = WalkPlanner(goal), []
    while (state := planner.decide(trials)).step is not None:
        if budget is not None and len(trials) == budget:
            return [trial.sha for trial in trials], planner.conclude_early(trials), trials
        assert planner.decide(trials, [state.step]).step is None, "one trial at a time"
        trials.append(world.trial(state.step, sum(trial.sha == state.step.sha for trial in trials)))
    assert state.over
    return [trial.sha for trial in trials], state, trials


def test_stops_are_doubled_and_end_at_the_root():
    assert walk_stops(HISTORY) == ("c99", "c98", "c97", "c95", "c91", "c83", "c67", "c35", GOOD)
    assert walk_stops(HISTORY[:6]) == ("c4", "c3", "c2", "c0", GOOD)
    assert walk_stops(HISTORY[:1]) == (GOOD,)


@pytest.mark.parametrize(
    ("culprit", "found"), [(99, "c98"), (98, "c97"), (97, "c95"), (60, "c35"), (0, GOOD)]
)
def test_a_walk_ends_at_the_first_stop_that_passes(culprit, found):
    world = one_cell(100, culprit)
    goal = WalkGoal(stops(world, 101))
    shas, state, trials = walked(world, goal)
    assert found_end(goal, trials) == found
    at = goal.stops.index(found)
    assert shas == [*goal.stops[: at + 1], found], "a commit passes after two passes in a row"
    assert state.conclusions == ()


def test_trial_that_passed_as_a_whole_passes_every_cell():
    """A job of CI that passed names no cell."""
    world = one_cell(100, 98)
    goal = WalkGoal(stops(world))
    _, _, trials = walked(world, goal)
    whole = [
        TrialResult(**{**dict(trial), "cells": ()}) if trial.outcome is Outcome.PASSED else trial
        for trial in trials
    ]
    assert any(not trial.cells for trial in whole)
    assert WalkPlanner(goal).decide(whole).over
    assert found_end(goal, whole) == found_end(goal, trials) == "c97"


def test_single_pass_does_not_end_a_walk():
    world = one_cell(100, 60, overrides={"c98": ["passed", "failed"]})
    goal = WalkGoal(stops(world))
    shas, _, trials = walked(world, goal)
    assert shas[:4] == ["c99", "c98", "c98", "c97"]
    assert found_end(goal, trials) == "c35"


def test_all_cells_that_fail_must_pass():
    world = World(line(100), {"a": "c99", "b": "c90", "c": None})
    goal = WalkGoal(stops(world))
    _, state, trials = walked(world, goal)
    assert found_end(goal, trials) == "c83"
    assert [(item.cell, item.finding) for item in state.conclusions] == [("c", Finding.GREEN)]


def test_walk_skips_commits_without_a_result():
    """One that cannot be built is not tried again; one lost to the infrastructure is, once."""
    overrides = {"c98": ["unbuildable"], "c97": ["infrastructure"], "c95": ["skipped"]}
    world = one_cell(100, 92, overrides=overrides)
    shas, _, trials = walked(world, WalkGoal(stops(world)))
    assert shas == ["c99", "c98", "c97", "c97", "c95", "c91", "c91"]
    assert found_end(WalkGoal(stops(world)), trials) == "c91"


def test_walk_with_an_always_failing_cell_ends_where_most_cells_pass():
    world = World(line(100), {"old": "c0", "new": "c96"})
    goal = WalkGoal(stops(world, 90))
    shas, state, trials = walked(world, goal)
    assert shas == list(goal.stops)
    assert found_end(goal, trials) == "c95"
    assert state.conclusions == ()


def test_without_a_passing_commit_the_cells_always_fail():
    world = World(line(8), {"a": "c0"}, {GOOD: ["failed"]})
    goal = WalkGoal(walk_stops((GOOD, *world.parents)))
    shas, state, trials = walked(world, goal)
    assert shas == ["c7", "c6", "c5", "c3", GOOD]
    assert found_end(goal, trials) is None
    (item,) = state.conclusions
    assert (item.finding, item.bad.failed, item.good.failed) == (Finding.ALWAYS_RED, 1, 4)


def test_walk_ends_at_once_if_nothing_fails():
    world = World(line(8), {"a": None})
    shas, state, trials = walked(world, WalkGoal(walk_stops(tuple(world.parents))))
    assert shas == ["c7", "c7"]
    assert found_end(WalkGoal(("c7", "c6")), trials) is None
    assert [item.finding for item in state.conclusions] == [Finding.GREEN]


def test_walk_for_a_fix_ends_at_a_commit_that_fails():
    world = one_cell(100, 60, fix=True)
    goal = WalkGoal(stops(world), fix=True)
    shas, _, trials = walked(world, goal)
    assert shas == list(goal.stops[: goal.stops.index("c35") + 1])
    assert found_end(goal, trials) == "c35"
    assert WalkPlanner(goal).failing == ()


def test_observed_results_replace_the_walk():
    """Only a commit at which each of the failing cells passed; reports may name the cells differently."""
    world = World(line(100), {"t.py::a": "c60", "t.py::b": "c50"})
    observed = {"t::a": ("c59", "c40"), "t::b": ("c45", "c40")}
    goal = WalkGoal(stops(world), observed=observed)
    shas, _, trials = walked(world, goal)
    assert shas == ["c99"]
    assert found_end(goal, trials) == "c40"
    assert found_end(WalkGoal(goal.stops, observed={"t::a": ("c59",)}), trials) is None


def test_a_budget_ends_a_walk_before_its_end():
    world = one_cell(100, 5)
    shas, state, _ = walked(world, WalkGoal(stops(world)), budget=3)
    assert len(shas) == 3
    assert (state.step, state.over, state.stopped) == (None, True, True)


def test_steps_have_the_purpose_of_their_end():
    world = one_cell(8, 4)
    goal = WalkGoal(walk_stops(tuple(world.parents)))
    first = WalkPlanner(goal).decide([]).step
    second = WalkPlanner(goal).decide([world.trial(first, 0)]).step
    assert (first.purpose, second.purpose) == (Purpose.BAD_END, Purpose.GOOD_END)
    assert first.cells is None
    assert second.cells is None
