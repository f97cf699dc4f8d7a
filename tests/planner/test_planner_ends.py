"""The planner if the ends do not show the regression, or trials are lost to infrastructure."""

from __future__ import annotations

import random
import re

import pytest
from worlds import GOOD, World, line, one_cell, simulate, simulate_slots

from bisect_tool.planner import BisectPlanner, Finding, Goal, Purpose, decide
from bisect_tool.search import Dag
from bisect_tool.search.relands import Landing
from bisect_tool.verdict import Outcome

DIAMOND = {"base": (GOOD,), "left": ("base",), "right": ("base",), "merge": ("left", "right")}


# --- ends that do not show the regression -----------------------------------------------------------------


def test_regression_that_was_fixed_in_between_gives_a_real_breakage():
    """Fixed and broken again: `c2` fails and `c4` passes in every run."""
    overrides = {"c2": ["failed"], "c3": ["failed"], "c4": ["passed"], "c5": ["passed"]}
    world = one_cell(8, 6, overrides)
    (found,) = simulate(world, world.goal()).state.conclusions
    assert found.finding is Finding.CULPRIT
    assert found.culprit in ("c2", "c6")


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
@pytest.mark.parametrize("fix", [False, True])
def test_change_that_landed_twice_is_reported_at_its_last_landing(slots, fix):
    """`c2` lands it, `c4` reverts it, `c6` lands it again; or the other way round."""
    outcome = "passed" if fix else "failed"
    other = "failed" if fix else "passed"
    world = one_cell(8, 6, {"c2": [outcome], "c3": [outcome], "c4": [other], "c5": [other]}, fix=fix)
    landings = {f"c{place}": Landing(0, lands=place != 4) for place in (2, 4, 6)}
    (found,) = simulate(world, world.goal(slots=slots, landings=landings)).state.conclusions
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c6")
    does, again = ("passes", "fails") if fix else ("fails", "passes")
    assert re.fullmatch(
        f"the history is non-monotonic: it {does} at c[23] and {again} again at c[45]", found.note
    )
    assert found.rates is None


def states(world):
    """The state of the planner before each of its trials."""
    goal, ran = world.goal(), []
    while (state := decide(goal, ran)).step is not None:
        yield state
        ran.append(world.trial(state.step, sum(trial.sha == state.step.sha for trial in ran)))


def disagreements(world):
    """The disagreements that the planner reports before its trials."""
    return {state.disagreement for state in states(world)}


def test_steps_left_are_unknown_once_a_good_end_failed():
    always = World(line(8), {"cell": "c0"}, {GOOD: ["failed"]})
    left = {state.disagreement: state.steps_left for state in states(always)}
    assert left[""] > 0
    assert left["it fails at the good end, too"] == 0


def test_runs_disagree_only_where_runs_of_one_commit_do():
    always = World(line(8), {"cell": "c0"}, {GOOD: ["failed"]})
    assert disagreements(always) == {"", "it fails at the good end, too"}
    assert disagreements(one_cell(8, 4)) == {""}
    assert "runs disagree" in disagreements(one_cell(8, 4, {"c4": ["failed", "passed", "failed"]}))


def test_bug_that_a_merge_brought_back_is_attributed_to_its_base():
    """`base` is inferred to be good until it is run: then it is bad, although its child `left` is good."""
    (found,) = simulate(World(DIAMOND, {"cell": "right"}, {"base": ["failed"]})).state.conclusions
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "base")


def test_parent_outside_the_range_is_run_before_its_child_is_reported():
    """A branch from before the good end lacks a later fix: `side` is not the culprit."""
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    search = simulate(World(parents, {"cell": "side"}, {"elder": ["failed"]}))
    (found,) = search.state.conclusions
    assert "elder" in [step.sha for step in search.steps]
    assert found.culprit is None


def test_an_untestable_parent_outside_the_range_does_not_hide_the_culprit():
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    found = simulate(World(parents, {"cell": "side"}, {"elder": ["unbuildable"]})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "side")
    assert [sha for sha, _ in found.skipped] == ["elder"]


@pytest.mark.parametrize("length", [1, 2, 8, 32])
def test_always_red(length):
    world = World(line(length), {"cell": "c0"}, {GOOD: ["failed"]})
    found = simulate(world).of("cell")
    assert (found.finding, found.culprit) == (Finding.ALWAYS_RED, None)
    assert found.good.failed == found.good.runs >= 1
    assert found.bad.failed == found.bad.runs >= 1


def test_swapped_ends_are_reported():
    """The passing end is run for the other cell, with every cell."""
    overrides = {(GOOD, "two"): ["failed"]}
    world = World(line(8), {"one": "c0", "two": None}, overrides)
    search = simulate(world, world.goal(slots=2))
    assert search.of("one").culprit == "c0"
    assert search.of("two").finding is Finding.GREEN
    both = simulate_slots(world, 2, random.Random(1))  # noqa: S311
    assert both.of("two").finding is Finding.ALWAYS_RED
    assert "swapped" in both.of("two").note


def test_untestable_passing_end_without_passes_gives_unverified():
    (found,) = simulate(one_cell(8, 0, {GOOD: ["other"]})).state.conclusions
    assert (found.finding, found.culprit) == (Finding.UNVERIFIED, None)
    assert found.note.startswith("the passing end good gave no result for it: another failure: ")


@pytest.mark.parametrize("outcome", ["other", "skipped"])
def test_cell_that_is_new_at_the_culprit_is_traced_to_its_first_commit(outcome: str):
    """It has no result at older commits, nor at the good end."""
    older = {f"c{place}": [outcome] for place in range(48)}
    search = simulate(one_cell(64, 48, {GOOD: [outcome], **older}))
    found = search.of("cell")
    assert (found.finding, found.culprit) == (Finding.UNVERIFIED, None)
    assert found.note.endswith("; c48 is the oldest commit that could be tested, and it fails there")
    assert len(search.steps) <= 9


@pytest.mark.parametrize("length", [8, 20, 100])
@pytest.mark.parametrize("slots", [1, 3])
def test_check_added_within_the_range_finds_a_later_culprit(length, slots):
    for added in {length // 4, length // 2, length - 3}:
        for culprit in {added + 1, (added + length) // 2, length - 1}:
            untestable = {sha: ["skipped"] for sha in (GOOD, *(f"c{place}" for place in range(added)))}
            world = one_cell(length, culprit, untestable)
            found = simulate(world, world.goal(slots=slots)).of("cell")
            assert (found.finding, found.culprit) == (Finding.CULPRIT, f"c{culprit}")


def test_check_added_on_a_branch_finds_a_culprit_after_the_merge():
    """`left` adds the check, `late` breaks what it checks; `base` and `right` cannot run it."""
    parents = {
        "base": (GOOD,), "left": ("base",), "right": ("base",),
        "merge": ("left", "right"), "late": ("merge",), "top": ("late",),
    }  # fmt: skip
    untestable = {sha: ["skipped"] for sha in (GOOD, "base", "right")}
    assert simulate(World(parents, {"cell": "late"}, untestable)).of("cell").culprit == "late"


def test_an_untestable_passing_end_does_not_matter_if_others_pass():
    assert simulate(one_cell(8, 4, {GOOD: ["other"]})).of("cell").culprit == "c4"


def test_one_untestable_passing_end_of_two_does_not_matter():
    world = World(line(8), {"cell": "c4"}, {"later": ["skipped"]})
    goal = Goal(dag=Dag(world.parents), goods=(GOOD, "later"), bad=world.bad)
    assert simulate(world, goal).of("cell").culprit == "c4"


def test_an_unbuildable_bad_end_is_tried_once():
    search = simulate(one_cell(8, 4, {"c7": ["unbuildable"]}))
    assert len(search.trials) == 1
    assert search.state.conclusions == ()


def test_unbuildable_good_end_gives_unverified_for_red_cells_only():
    search = simulate(World(line(8), {"red": "c0", "green": None}, {GOOD: ["unbuildable"]}))
    assert search.shas(Purpose.GOOD_END) == [GOOD]
    assert search.of("red").finding is Finding.UNVERIFIED
    assert search.of("green").finding is Finding.GREEN


def test_a_cell_without_a_result_at_the_bad_end_is_unverified():
    search = simulate(World(line(8), {"one": "c4", "two": "c4"}, {("c7", "two"): ["errored"]}))
    assert search.of("one").culprit == "c4"
    assert search.of("two").finding is Finding.UNVERIFIED


# --- infrastructure failures ------------------------------------------------------------------------------


@pytest.mark.parametrize("sha", ["c7", GOOD, "c3", "c4", "c5"])
@pytest.mark.parametrize("outcome", ["infrastructure", "port taken"])
def test_a_commit_lost_to_infrastructure_once_is_run_again(sha, outcome):
    world = one_cell(8, 4, {sha: [outcome, "failed" if sha in ("c7", "c4", "c5") else "passed"]})
    search, undisturbed = simulate(world), simulate(one_cell(8, 4))
    assert search.of("cell").culprit == "c4"
    assert search.of("cell").skipped == ()
    lost = sum(trial.outcome is Outcome.INFRASTRUCTURE for trial in search.trials)
    assert len(search.trials) == len(undisturbed.trials) + lost


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_commit_always_lost_to_infrastructure_is_given_up(retries):
    world = one_cell(8, 4, {"c3": ["infrastructure"]})
    search = simulate(world, world.goal(retries=retries))
    assert sum(trial.sha == "c3" for trial in search.trials) == retries + 1
    assert search.of("cell").candidates == ("c3", "c4")


def test_an_end_always_lost_to_infrastructure_is_given_up():
    search = simulate(one_cell(8, 4, {"c7": ["infrastructure"]}))
    assert search.shas(*Purpose) == ["c7", "c7"]
    assert search.state.conclusions == ()


@pytest.mark.parametrize("sha", ["c7", GOOD, "c3"])
def test_a_resumed_session_retries_infrastructure_failures(sha):
    expected = "failed" if sha == "c7" else "passed"
    culprit = 0 if sha == GOOD else 4
    world = one_cell(8, culprit, {sha: ["infrastructure", "infrastructure", expected]})
    lost = simulate(world)
    assert lost.state.step is None
    assert not any(item.culprit for item in lost.state.conclusions)
    resumed = simulate(world, BisectPlanner(world.goal()).with_extra_retries(lost.trials).goal, lost.trials)
    assert resumed.of("cell").culprit == f"c{culprit}"
    assert resumed.steps[0].sha == sha


def test_resume_without_infrastructure_failures_changes_nothing():
    world = one_cell(8, 4)
    planner = BisectPlanner(world.goal())
    assert planner.with_extra_retries(simulate(world).trials) == planner


@pytest.mark.parametrize("sha", ["c4", "c7"])
def test_an_infrastructure_failure_is_no_evidence(sha):
    """The evidence is the failure that is bisected, not an earlier infrastructure failure."""
    found = simulate(one_cell(8, 4, {"c7": ["failed"], sha: ["port taken", "failed"]})).of("cell")
    assert found.culprit == "c4"
    assert found.failure is not None
    assert found.failure.root.message == "cell lost its engine"


def test_an_inconclusive_run_counts_for_neither_end():
    world = one_cell(8, 7, {"c7": ["infrastructure", "errored", "failed"], GOOD: ["port taken", "passed"]})
    search = simulate(world, world.goal(endpoint_runs=3))
    found = search.of("cell")
    assert found.culprit == "c7"
    assert search.shas(*Purpose).count("c7") - 2 == found.bad.runs == found.bad.failed
    search = simulate(one_cell(8, 0, {GOOD: ["port taken", "passed"]}))
    assert search.shas(*Purpose).count(GOOD) - 1 == search.of("cell").good.runs


def test_an_infrastructure_failure_at_the_bad_end_is_not_investigated():
    overrides = {"c7": ["port taken", "failed"], "c3": ["other"]}
    found = simulate(one_cell(8, 4, overrides)).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert found.candidates == ("c3", "c4")


@pytest.mark.parametrize("slots", [1, 2, 3, 4])
@pytest.mark.parametrize("outcome", ["skipped", "unbuildable", "other"])
@pytest.mark.parametrize("culprit", ["c0", "c1", "c8"])
def test_untestable_passing_end_is_ignored_if_other_commits_decide(slots, outcome, culprit):
    """With several slots it runs beside the failing end, before any other commit can have passed."""
    world = World(line(16), {"cell": culprit}, {GOOD: [outcome]})
    for seed in range(5):
        found = simulate_slots(world, slots, random.Random(seed)).of("cell")  # noqa: S311
        assert found.culprit == (None if culprit == "c0" else culprit)
        assert (found.finding is Finding.UNVERIFIED) is (culprit == "c0")
