"""The planner with several slots, and what it weighs when it chooses."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from drawn import FOREIGN, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GOOD, World, line, one_cell, play, play_side_by_side

from bisect_tool.planner import Finding, Purpose, decide
from bisect_tool.search.prior import Change


@pytest.mark.parametrize("slots", [2, 4])
@given(world=worlds(words=()), order=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_in_slots_side_by_side_every_culprit_is_named(slots, world, order):
    """Trials end in any order; no cell is run at a commit more often than its rates ask for."""
    played = play_side_by_side(world, slots, order)
    for cell, culprit in world.culprits.items():
        found = played.of(cell)
        assert found.culprit == culprit
        assert found.finding is (Finding.GREEN if culprit is None else Finding.CULPRIT)
        runs = Counter(trial.sha for trial in played.trials if trial.cell(cell) is not None)
        assert max(runs.values()) <= 14


@pytest.mark.parametrize("slots", [2, 4])
@given(world=worlds(words=FOREIGN), order=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_in_slots_side_by_side_nothing_is_guessed(slots, world, order):
    played = play_side_by_side(world, slots, order)
    for found in played.state.conclusions:
        culprit = world.culprits[found.cell]
        assert culprit is None or culprit in found.candidates
        assert found.culprit in (None, culprit)


@pytest.mark.parametrize("slots", [2, 4])
def test_slots_shorten_the_search_of_a_line(slots):
    """Every slot begins a trial as soon as it is free, and few of the trials are in vain."""
    for culprit in range(0, 32, 5):
        world = one_cell(32, culprit)
        played = play_side_by_side(world, slots, random.Random(culprit))  # noqa: S311
        assert played.of("cell").culprit == f"c{culprit}"
        alone = len(play(world).trials)
        assert len(played.trials) <= alone + 4 * slots
        assert len(set(played.shas(*Purpose)[2 : 2 + slots])) == slots


def test_slots_cut_the_range_into_equal_parts():
    """The failing end has failed: the first trials cut at once as many parts as there are slots and one."""
    world = one_cell(100, 50)
    goal = world.goal(slots=3)
    ran = [world.trial(decide(goal, []).step, 0)]
    steps = []
    for _ in range(3):
        steps.append(decide(goal, ran, steps).step)
    assert [step.sha for step in steps] == ["c24", "c49", "c74"]


def test_a_slot_is_left_idle_rather_than_run_what_is_running():
    """A green cell at an end that is under way everywhere else has nothing to ask for."""
    world = World(line(1), {"cell": None})
    goal = world.goal(slots=4)
    first = decide(goal, []).step
    second = decide(goal, [], [first])
    waiting = decide(goal, [], [first, second.step])
    assert waiting.step is None
    assert not waiting.over


def test_likely_next_commits_are_listed_if_environments_are_built():
    world = one_cell(32, 9)
    environments = {sha: f"env-{sha}" for sha in (*world.parents, GOOD)}
    goal = world.goal(environments=environments, cached=frozenset({"env-c31"}))
    state = decide(goal, [world.trial(decide(goal, []).step, 0)])
    assert state.step.sha == "c15"
    assert set(state.likely) == {"c7", "c23"}


def test_a_commit_whose_environment_is_there_is_preferred():
    world = one_cell(32, 9)
    environments = {sha: f"env-{sha}" for sha in (*world.parents, GOOD)}
    goal = world.goal(environments=environments, cached=frozenset({"env-c31", "env-c14"}))
    state = decide(goal, [world.trial(decide(goal, []).step, 0)])
    assert state.step.sha == "c14"


def test_every_open_cell_has_a_belief():
    world = World(line(8), {"one": "c2", "two": "c5", "green": None})
    goal = world.goal(endpoint_runs=1)
    state = decide(goal, [world.trial(decide(goal, []).step, 0)])
    assert [belief.cell for belief in state.beliefs] == ["one", "two"]
    for belief in state.beliefs:
        assert sum(chance for _, chance in belief.top) + belief.flaky <= 1 + 1e-9
        assert belief.confidence == belief.top[0][1]
    assert [found.cell for found in state.conclusions] == ["green"]


def test_what_the_commits_change_moves_the_first_cut():
    """The last four touch what is tested, the others documentation; one of those did it all the same."""
    world = one_cell(32, 9)
    files = {sha: "engine/core.py" if int(sha[1:]) >= 28 else "docs/index.md" for sha in world.parents}
    changes = tuple(Change(sha, "A subject", (name,)) for sha, name in files.items())
    goal = world.goal(changes=changes, paths=("engine",))
    assert int(decide(goal, [world.trial(decide(goal, []).step, 0)]).step.sha[1:]) >= 27
    assert play(world, goal).of("cell").culprit == "c9"


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_builds_that_take_ten_minutes_do_not_end_the_search(seed, slots):
    """To run what is built again is cheap, but where it tells next to nothing it is not asked for."""
    world = one_cell(16, 9, rates={"cell": (0.6, 0.0)}, seed=seed, build_s=600.0)
    environments = {sha: f"env-{sha}" for sha in (*world.parents, GOOD)}
    played = play(world, world.goal(environments=environments, endpoint_runs=9, slots=slots))
    found = played.of("cell")
    assert found.finding is Finding.CULPRIT
    assert abs(int(found.culprit[1:]) - 9) <= 2


def test_a_split_worth_little_alone_is_run_beside_the_others():
    """Nobody suspects the first commits, but with two slots they are cut off all the same."""
    world = one_cell(6, 1)
    files = {sha: "engine/core.py" if int(sha[1:]) >= 3 else "docs/index.md" for sha in world.parents}
    changes = tuple(Change(sha, "A subject", (name,)) for sha, name in files.items())
    for slots in (2, 3, 8):
        goal = world.goal(changes=changes, paths=("engine",), slots=slots)
        assert play(world, goal).of("cell").culprit == "c1"
