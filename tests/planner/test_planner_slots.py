"""The planner with several slots, and how environments, changes and costs affect its choices."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_strategies import FOREIGN, worlds
from worlds import GOOD, World, line, one_cell, simulate, simulate_slots

from bisect_tool.planner import Finding, Purpose, decide
from bisect_tool.search.prior import Change


@pytest.mark.parametrize("slots", [2, 4])
@given(world=worlds(outcomes=()), order=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_every_culprit_is_found_with_several_slots(slots, world, order):
    """Trials end in any order; no cell runs at a commit more than 14 times."""
    search = simulate_slots(world, slots, order)
    for cell, culprit in world.culprits.items():
        found = search.of(cell)
        assert found.culprit == culprit
        assert found.finding is (Finding.GREEN if culprit is None else Finding.CULPRIT)
        runs = Counter(trial.sha for trial in search.trials if trial.cell(cell) is not None)
        assert max(runs.values()) <= 14


@pytest.mark.parametrize("slots", [2, 4])
@given(world=worlds(outcomes=FOREIGN), order=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_no_culprit_is_guessed_with_several_slots(slots, world, order):
    search = simulate_slots(world, slots, order)
    for found in search.state.conclusions:
        culprit = world.culprits[found.cell]
        assert culprit is None or culprit in found.candidates
        assert found.culprit in (None, culprit)


@pytest.mark.parametrize("slots", [2, 4])
def test_slots_shorten_the_search_of_a_line(slots):
    """Every free slot starts a trial at once, and few trials are wasted."""
    for culprit in range(0, 32, 5):
        world = one_cell(32, culprit)
        search = simulate_slots(world, slots, random.Random(culprit))  # noqa: S311
        assert search.of("cell").culprit == f"c{culprit}"
        alone = len(simulate(world).trials)
        assert len(search.trials) <= alone + 4 * slots
        assert len(set(search.shas(*Purpose)[2 : 2 + slots])) == slots


def test_slots_cut_the_range_into_equal_parts():
    """After the failing end failed, the first trials divide the range into one part more than slots."""
    world = one_cell(100, 50)
    goal = world.goal(slots=3)
    ran = [world.trial(decide(goal, []).step, 0)]
    steps = []
    for _ in range(3):
        steps.append(decide(goal, ran, steps).step)
    assert [step.sha for step in steps] == ["c24", "c49", "c74"]


def test_slot_stays_idle_rather_than_repeat_a_running_trial():
    """All runs that a green cell needs at the end are in progress."""
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


def test_commit_with_a_cached_environment_is_preferred():
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
        assert sum(probability for _, probability in belief.top) + belief.flaky <= 1 + 1e-9
        assert belief.confidence == belief.top[0][1]
    assert [found.cell for found in state.conclusions] == ["green"]


def test_changed_files_move_the_first_split():
    """The last four change tested code, the others documentation; the culprit is one of the others."""
    world = one_cell(32, 9)
    files = {sha: "engine/core.py" if int(sha[1:]) >= 28 else "docs/index.md" for sha in world.parents}
    changes = tuple(Change(sha, "A subject", (name,)) for sha, name in files.items())
    goal = world.goal(changes=changes, paths=("engine",))
    assert int(decide(goal, [world.trial(decide(goal, []).step, 0)]).step.sha[1:]) >= 27
    assert simulate(world, goal).of("cell").culprit == "c9"


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_builds_that_take_ten_minutes_do_not_end_the_search(seed, slots):
    """Rerunning a built commit is cheap, but is not chosen where it gives almost no information."""
    world = one_cell(16, 9, rates={"cell": (0.6, 0.0)}, seed=seed, build_s=600.0)
    environments = {sha: f"env-{sha}" for sha in (*world.parents, GOOD)}
    search = simulate(world, world.goal(environments=environments, endpoint_runs=9, slots=slots))
    found = search.of("cell")
    assert found.finding is Finding.CULPRIT
    assert abs(int(found.culprit[1:]) - 9) <= 2


def test_split_with_little_information_is_run_in_a_free_slot():
    """The first commits are unlikely culprits, but with two slots they are split off nevertheless."""
    world = one_cell(6, 1)
    files = {sha: "engine/core.py" if int(sha[1:]) >= 3 else "docs/index.md" for sha in world.parents}
    changes = tuple(Change(sha, "A subject", (name,)) for sha, name in files.items())
    for slots in (2, 3, 8):
        goal = world.goal(changes=changes, paths=("engine",), slots=slots)
        assert simulate(world, goal).of("cell").culprit == "c1"
