"""The planner: the next trial for all cells, and the conclusion about each."""

from __future__ import annotations

import random
from collections import Counter
from math import log2
from statistics import fmean

import pytest
from worlds import GOOD, OTHER, World, line, one_cell, simulate, simulate_slots

from bisect_tool.planner import Finding, Purpose, decide
from bisect_tool.verdict import Outcome

RED = (Outcome.FAILED, Outcome.HUNG)


# --- one cell -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 16, 33])
def test_a_line_takes_few_more_trials_than_its_logarithm(length, fix):
    """The ends and the pair included; no commit is run again and again."""
    trials = []
    for culprit in range(length):
        search = simulate(one_cell(length, culprit, fix=fix))
        assert search.of("cell").culprit == f"c{culprit}"
        assert max(Counter(step.sha for step in search.steps).values()) <= 7
        trials.append(len(search.trials))
    assert fmean(trials) <= log2(length) + 5.4


def test_the_passing_end_is_run_only_when_everything_fails():
    """After two or more failures inside the range, if no commit passed."""
    for culprit in range(16):
        search = simulate(one_cell(16, culprit))
        assert search.steps[0].sha == "c15"
        shas = [trial.sha for trial in search.trials]
        if GOOD in shas:
            before = search.trials[1 : shas.index(GOOD)]
            assert len(before) >= 2
            assert culprit == 0 or all(trial.outcome is Outcome.FAILED for trial in before)
        else:
            assert any(trial.outcome is Outcome.PASSED for trial in search.trials[1:6])


def test_the_passing_end_is_run_beside_the_failing_one():
    """If a slot would be idle otherwise."""
    world = one_cell(8, 4)
    goal = world.goal(slots=3)
    first = decide(goal, []).step
    beside = decide(goal, [], [first])
    assert (first.sha, beside.step.sha) == ("c7", GOOD)
    third = decide(goal, [], [first, beside.step])
    assert third.step is None
    assert not third.over


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("runs", [1, 2, 4])
def test_cell_that_never_fails_at_the_failing_end_is_green(runs, fix):
    world = World(line(8), {"red": "c4", "green": None}, fix=fix)
    search = simulate(world, world.goal(endpoint_runs=runs))
    (end,) = world.goal().failing
    assert search.runs(end, "green", Outcome.PASSED) == runs
    assert search.of("green").finding is Finding.GREEN
    assert search.of("red").culprit == "c4"


@pytest.mark.parametrize("first_failure", [1, 2, 3])
def test_cell_that_fails_late_at_the_failing_end_is_searched(first_failure):
    world = one_cell(8, 4, {"c7": [*["passed"] * (first_failure - 1), "failed"]})
    search = simulate(world, world.goal(endpoint_runs=3))
    assert [step.sha for step in search.steps[: first_failure + 1]].count("c7") == first_failure
    assert search.of("cell").culprit == "c4"


def test_evidence_comes_from_the_culprit():
    found = simulate(one_cell(8, 0)).of("cell")
    assert found.failure is not None
    assert found.failure.root.message == "cell lost its engine"
    assert (found.bad.runs, found.bad.failed) == (1, 1)
    assert found.good.runs >= 1
    assert found.good.failed == 0
    assert found.rates[0] > 0.9
    assert found.rates[1] < 0.1


def test_a_hang_with_the_same_signature_is_the_same_failure():
    search = simulate(one_cell(8, 3, {"c3": ["hung"], "c4": ["hung"]}))
    assert search.of("cell").culprit == "c3"


def test_another_failure_is_no_verdict():
    found = simulate(one_cell(8, 4, {"c3": ["other"]})).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert found.candidates == ("c3", "c4")
    ((sha, reason),) = found.skipped
    assert sha == "c3"
    assert reason.startswith("another failure: ")
    assert OTHER in reason


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("unbuildable", "unbuildable for a reason"),
        ("infrastructure", "infrastructure for a reason"),
        ("errored", "did not run"),
        ("skipped", "needs a GPU"),
    ],
)
def test_every_skip_has_a_reason(outcome, reason):
    assert simulate(one_cell(8, 4, {"c4": [outcome]})).of("cell").skipped == (("c4", reason),)


# --- several cells ------------------------------------------------------------------------------------------


def test_cells_with_one_culprit_need_the_trials_of_one_cell():
    alone = simulate(World(line(32), {"one": "c20"}))
    both = simulate(World(line(32), {"one": "c20", "two": "c20"}))
    assert [step.sha for step in both.steps] == [step.sha for step in alone.steps]
    assert all(step.cells in (None, ("one", "two")) for step in both.steps)


@pytest.mark.parametrize(("one", "two"), [(3, 28), (16, 17), (0, 31), (30, 31)])
def test_cells_with_two_culprits_share_trials(one, two):
    search = simulate(World(line(32), {"one": f"c{one}", "two": f"c{two}"}))
    assert search.of("one").culprit == f"c{one}"
    assert search.of("two").culprit == f"c{two}"
    apart = sum(len(simulate(one_cell(32, culprit)).trials) for culprit in (one, two))
    assert len(search.trials) <= apart - 2
    assert any(step.cells == ("one", "two") for step in search.steps)


def test_green_cells_alone_cost_no_trial_at_the_good_end():
    search = simulate(World(line(16), {"one": None, "two": None}))
    assert search.shas(*Purpose) == ["c15", "c15"]
    assert [item.finding for item in search.state.conclusions] == [Finding.GREEN] * 2
    assert search.of("one").good.runs == 0


# --- flaky failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "sha"),
    [
        ({"c7": ["failed", "passed", "failed"]}, "c7"),
        ({GOOD: ["failed", "passed"]}, GOOD),
        ({"c4": ["failed", "passed", "failed"]}, "c4"),
        ({"c3": ["failed", "passed"]}, "c3"),
        ({"c3": ["passed", "failed", "passed"]}, "c3"),
    ],
)
def test_one_contradicting_run_costs_runs_but_not_the_culprit(overrides, sha):
    search, undisturbed = simulate(one_cell(8, 4, overrides)), simulate(one_cell(8, 4))
    assert (search.of("cell").finding, search.of("cell").culprit) == (Finding.CULPRIT, "c4")
    if search.runs(sha, "cell", *RED) and search.runs(sha, "cell", Outcome.PASSED):
        assert len(search.trials) > len(undisturbed.trials)


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("rates", [(0.9, 0.0), (0.5, 0.0), (0.95, 0.05)])
def test_culprit_of_a_flaky_failure_is_found(rates, fix):
    """Of thirty seeded worlds, 95% confidence allows one or two errors; two more are tolerated."""
    wrong = found_count = 0
    for seed in range(30):
        culprit = random.Random(seed).randrange(16)  # noqa: S311
        search = simulate(one_cell(16, culprit, rates={"cell": rates}, seed=seed, fix=fix))
        (found,) = search.state.conclusions
        found_count += found.finding is Finding.CULPRIT
        wrong += found.finding is Finding.CULPRIT and found.culprit != f"c{culprit}"
    assert wrong <= 4
    assert found_count >= (15 if rates[0] == 0.5 else 25)


def test_rates_of_a_flaky_failure_are_estimated():
    search = simulate(
        one_cell(8, 4, rates={"cell": (0.5, 0.0)}, seed=2), one_cell(8, 4).goal(endpoint_runs=9)
    )
    found = search.of("cell")
    assert found.culprit == "c4"
    assert 0.2 < found.rates[0] < 0.9
    assert found.rates[1] < 0.1


def test_flaky_cell_is_searched_alone_once_a_stable_one_is_solved():
    world = World(line(16), {"sound": "c5", "shaky": "c11"}, rates={"shaky": (0.6, 0.0)}, seed=1)
    search = simulate(world, world.goal(endpoint_runs=5))
    assert search.of("sound").culprit == "c5"
    assert search.of("shaky").culprit == "c11"
    assert search.steps[-1].cells == ("shaky",)
    assert max(Counter(step.sha for step in search.steps if "sound" in (step.cells or ())).values()) <= 7


def test_cell_that_fails_equally_at_good_commits_is_flaky():
    """At least half of them: the prior of such a cell is 3%."""
    found = Counter()
    for seed in range(12):
        world = one_cell(16, 8, rates={"cell": (0.5, 0.5)}, seed=seed)
        (conclusion,) = simulate(world, world.goal(endpoint_runs=9)).state.conclusions
        found[conclusion.finding] += 1
        assert conclusion.finding is not Finding.FLAKY or conclusion.culprit is None
    assert found[Finding.FLAKY] >= 6


def test_failing_parent_outside_the_range_is_rerun_not_the_pair():
    """A branch from before the good end, where the cell is red already: a few runs show it."""
    parents = {
        "c0": (GOOD,),
        "c1": (GOOD,),
        "c3": ("c1", "elder", GOOD),
        "c4": ("c0",),
        "c5": (GOOD, "c3", "c4"),
        "c7": ("c5",),
    }
    overrides = {"c0": ["port taken"], "c3": ["failed"], "c5": ["errored"], "elder": ["failed"]}
    search = simulate(World(parents, {"cell": "c3"}, overrides))
    (found,) = search.state.conclusions
    assert found.culprit is None
    assert "elder" in found.note
    assert len(search.trials) <= 25


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("sha", ["c0", "c1", GOOD])
def test_a_commit_that_was_conclusive_once_and_never_again_is_given_up(sha, slots):
    truth = {"c0": "passed", "c1": "failed", GOOD: "passed"}[sha]
    world = World(line(2), {"cell": "c1"}, {sha: [truth, "skipped", "other"]})
    search = simulate_slots(world, slots, random.Random(0))  # noqa: S311
    (found,) = search.state.conclusions
    assert found.finding in (Finding.CULPRIT, Finding.CANDIDATES)
    assert "c1" in found.candidates
    assert len(search.trials) <= 40
