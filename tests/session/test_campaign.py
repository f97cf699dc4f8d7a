"""The campaign: which trial comes next for all cells, and what the trials say of each."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GOOD, OTHER, World, line, lineage, play

from bisect_tool.campaign import Finding, Goal, Purpose, decide, granting_retries
from bisect_tool.search import Dag
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

RED = (Outcome.FAILED, Outcome.HUNG)
ENDS = (Purpose.BAD_END, Purpose.GOOD_END)
DIAMOND = {"base": (GOOD,), "left": ("base",), "right": ("base",), "merge": ("left", "right")}


def one_cell(length, culprit, answers=None):
    return World(line(length), {"cell": f"c{culprit}"}, answers or {})


# --- properties -------------------------------------------------------------------------------------------


@st.composite
def histories(draw, largest=12):
    """Parents of the ancestors of one bad commit. `elder` is good by descent, no good end."""
    parents = {}
    for number in range(draw(st.integers(1, largest))):
        earlier = [f"c{each}" for each in range(number)][-5:]
        count = draw(st.integers(1, min(3, number + 1)))
        parents[f"c{number}"] = tuple(draw(st.permutations([*earlier, GOOD, "elder"]))[:count])
    top = f"c{len(parents) - 1}"
    kept = lineage(parents, top)
    return {sha: above for sha, above in parents.items() if sha in kept}


@st.composite
def worlds(draw, words):
    """Three cells, each with a culprit of its own or none; some commits answer `words` instead."""
    parents = draw(histories())
    anyone = st.sampled_from(sorted(parents))
    cells = {cell: draw(st.none() | anyone) for cell in ("one", "two", "three")}
    spoilt = draw(st.dictionaries(anyone, st.sampled_from(words), max_size=6)) if words else {}
    bad = next(reversed(parents))
    return World(parents, cells, {sha: [word] for sha, word in spoilt.items() if sha != bad})


@given(worlds(words=()))
@settings(max_examples=200, deadline=None)
def test_where_every_commit_can_be_tested_the_culprit_is_named(world):
    played = play(world)
    for cell, culprit in world.culprits.items():
        found = played.of(cell)
        if culprit is None:
            assert (found.finding, found.culprit) == (Finding.GREEN, None)
        else:
            assert (found.finding, found.culprit) == (Finding.CULPRIT, culprit)
            assert found.candidates == (culprit,)
            assert found.skipped == ()


@given(worlds(words=("unbuildable", "infrastructure", "other", "errored", "skipped", "port taken")))
@settings(max_examples=300, deadline=None)
def test_what_cannot_be_tested_is_never_guessed(world):
    """A culprit is the right one, and seen bad; else the truth is among the candidates, as are skips."""
    played = play(world)
    for cell, culprit in world.culprits.items():
        found = played.of(cell)
        if culprit is None:
            assert found.finding is Finding.GREEN
            continue
        assert found.finding in (Finding.CULPRIT, Finding.CANDIDATES)
        assert culprit in found.candidates
        if found.finding is Finding.CULPRIT:
            assert found.culprit == culprit
            assert culprit not in world.answers
        else:
            assert any(sha in world.answers for sha in found.candidates)
        assert {sha for sha, _ in found.skipped} <= set(world.answers)
        assert all(reason for _, reason in found.skipped)


@given(worlds(words=("unbuildable", "other")))
@settings(max_examples=200, deadline=None)
def test_a_named_pair_was_seen_often_enough(world):
    played = play(world, world.goal(endpoint_runs=1))
    for found in played.state.conclusions:
        if found.culprit is None:
            continue
        assert played.runs(found.culprit, found.cell, *RED) >= 3
        parents = [sha for sha in world.parents[found.culprit] if sha not in world.answers]
        assert all(played.runs(sha, found.cell, Outcome.PASSED) >= 3 for sha in parents)


@given(worlds(words=("unbuildable", "infrastructure", "other")), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_the_ends_come_first_and_only_once(world, runs):
    played = play(world, world.goal(endpoint_runs=runs))
    red = any(culprit for culprit in world.culprits.values())
    expected = [world.bad] * runs + [GOOD] * (runs if red else 0)
    assert [step.sha for step in played.steps[: len(expected)]] == expected
    assert played.shas(*ENDS) == expected
    assert all(step.cells is None for step in played.steps[: len(expected)])


@given(worlds(words=("unbuildable", "other")))
@settings(max_examples=100, deadline=None)
def test_no_trial_tells_a_cell_nothing_new(world):
    """A green cell is left alone after the ends; while narrowing, some cell was never asked there before.

    The others may be: for one that waits for its pair to be confirmed, another's trial does as well.
    """
    played = play(world)
    asked = set()
    for step in played.steps:
        if step.purpose in ENDS:
            continue
        assert step.cells
        assert all(world.culprits[cell] for cell in step.cells)
        pairs = {(step.sha, cell) for cell in step.cells}
        assert step.purpose is Purpose.CONFIRM or (pairs - asked and step.sha not in (GOOD, world.bad))
        asked |= pairs


@given(worlds(words=("unbuildable", "infrastructure", "other", "errored", "port taken")))
@settings(max_examples=100, deadline=None)
def test_what_comes_next_depends_on_the_trials_alone(world):
    """Trials go through their stored form and decisions are asked anew, as in a resumed session."""
    played = play(world)
    stored = [TrialResult.model_validate_json(trial.model_dump_json()) for trial in played.trials]
    for count, step in enumerate(played.steps):
        assert decide(world.goal(), stored[:count]).step == step
    assert decide(world.goal(), stored) == played.state


# --- one cell ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 20, 33])
def test_a_line_is_narrowed_within_the_logarithm(length):
    for culprit in range(length):
        played = play(one_cell(length, culprit))
        assert played.of("cell").culprit == f"c{culprit}"
        assert len(played.shas(Purpose.NARROW)) <= ceil(log2(length))


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_the_pair_is_confirmed_as_often_as_asked(runs):
    world = one_cell(16, 5)
    played = play(world, world.goal())
    assert played.runs("c5", "cell", Outcome.FAILED) == runs
    assert played.runs("c4", "cell", Outcome.PASSED) == runs
    assert len(played.shas(Purpose.CONFIRM)) == 2 * (runs - 1)


@pytest.mark.parametrize(("culprit", "runs_there"), [(0, GOOD), (7, "c7")])
def test_runs_at_the_ends_count_as_confirmation(culprit, runs_there):
    played = play(one_cell(8, culprit))
    assert played.of("cell").culprit == f"c{culprit}"
    assert sum(trial.sha == runs_there for trial in played.trials) == 2


def test_the_evidence_is_that_of_the_culprit():
    found = play(one_cell(8, 3)).of("cell")
    assert found.failure is not None
    assert found.failure.root.message == "cell lost its engine"
    assert (found.bad.runs, found.bad.failed) == (2, 2)
    assert (found.good.runs, found.good.failed) == (2, 0)


def test_a_hang_with_the_same_signature_is_the_same_failure():
    played = play(one_cell(8, 3, {"c3": ["hung"], "c4": ["hung"]}))
    assert played.of("cell").culprit == "c3"


def test_another_failure_is_no_verdict():
    found = play(one_cell(8, 4, {"c3": ["other"]})).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert found.candidates == ("c3", "c4")
    ((sha, reason),) = found.skipped
    assert sha == "c3"
    assert reason.startswith("another failure: ")
    assert OTHER in reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("unbuildable", "unbuildable for a reason"),
        ("infrastructure", "infrastructure for a reason"),
        ("errored", "did not run"),
        ("skipped", "needs a GPU"),
    ],
)
def test_every_skip_says_why(word, reason):
    assert play(one_cell(8, 4, {"c4": [word]})).of("cell").skipped == (("c4", reason),)


# --- several cells ----------------------------------------------------------------------------------------


def test_cells_with_one_culprit_cost_what_one_cell_costs():
    alone = play(World(line(32), {"one": "c20"}))
    both = play(World(line(32), {"one": "c20", "two": "c20"}))
    assert [step.sha for step in both.steps] == [step.sha for step in alone.steps]
    assert all(step.cells in (None, ("one", "two")) for step in both.steps)


@pytest.mark.parametrize(("one", "two"), [(3, 28), (16, 17), (0, 31), (30, 31)])
def test_cells_with_two_culprits_share_trials(one, two):
    played = play(World(line(32), {"one": f"c{one}", "two": f"c{two}"}))
    assert played.of("one").culprit == f"c{one}"
    assert played.of("two").culprit == f"c{two}"
    apart = sum(len(play(one_cell(32, culprit)).trials) for culprit in (one, two))
    assert len(played.trials) <= apart - 4
    assert any(step.cells == ("one", "two") for step in played.steps)


def test_green_cells_alone_cost_no_trial_at_the_good_end():
    played = play(World(line(16), {"one": None, "two": None}))
    assert played.shas(*Purpose) == ["c15", "c15"]
    assert [item.finding for item in played.state.conclusions] == [Finding.GREEN] * 2
    assert played.of("one").good.runs == 0


# --- ends that do not show the regression -----------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        {"c7": ["failed", "passed"]},
        {"c7": ["passed", "failed"]},
        {GOOD: ["failed", "passed"]},
        {GOOD: ["passed", "failed"]},
    ],
)
def test_an_end_that_disagrees_with_itself_is_flaky(answers):
    played = play(one_cell(8, 4, answers))
    assert played.of("cell").finding is Finding.FLAKY
    assert played.of("cell").culprit is None
    assert played.shas(Purpose.NARROW) == []


@pytest.mark.parametrize("answers", [{"c4": ["failed", "passed"]}, {"c3": ["passed", "failed"]}])
def test_a_pair_that_is_not_confirmed_is_flaky(answers):
    found = play(one_cell(8, 4, answers)).of("cell")
    assert (found.finding, found.culprit) == (Finding.FLAKY, None)
    assert next(iter(answers)) in found.note


def test_a_good_commit_above_a_bad_one_is_flaky():
    """`base` is good by descent until the pair is confirmed: then it is bad, and its descendant is good."""
    found = play(World(DIAMOND, {"cell": "right"}, {"base": ["failed"]})).of("cell")
    assert (found.finding, found.culprit) == (Finding.FLAKY, None)
    assert found.note == "left is good though it descends from base, which is bad"


def test_a_parent_that_is_good_by_descent_is_tried_before_its_child_is_named():
    """A branch from before the good end still has what was mended on the way to it: `side` did nothing."""
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    played = play(World(parents, {"cell": "side"}, {"elder": ["failed"]}))
    assert (played.of("cell").finding, played.of("cell").culprit) == (Finding.FLAKY, None)
    assert played.of("cell").note == "a good end is good though it descends from elder, which is bad"
    assert played.shas(Purpose.CONFIRM)[-1] == "elder"


def test_a_parent_outside_the_range_that_tells_nothing_does_not_hide_the_culprit():
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    found = play(World(parents, {"cell": "side"}, {"elder": ["unbuildable"]})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "side")
    assert [sha for sha, _ in found.skipped] == ["elder"]


def test_always_red():
    played = play(one_cell(8, 4, {GOOD: ["failed"]}))
    assert played.of("cell").finding is Finding.ALWAYS_RED
    assert played.shas(Purpose.NARROW) == []
    assert (played.of("cell").good.failed, played.of("cell").bad.failed) == (2, 2)


def test_ends_that_are_swapped():
    answers = {(GOOD, "two"): ["failed"]}
    found = play(World(line(8), {"one": "c4", "two": None}, answers)).of("two")
    assert found.finding is Finding.ALWAYS_RED
    assert "swapped" in found.note


def test_another_failure_at_the_good_end_leaves_the_cell_unverified():
    played = play(one_cell(8, 4, {GOOD: ["other"]}))
    assert played.of("cell").finding is Finding.UNVERIFIED
    assert played.shas(Purpose.NARROW) == []


def test_one_good_end_that_tells_nothing_leaves_the_cell_unverified():
    """It would clear all that lies under it by its name alone, the culprit perhaps among it."""
    world = World(line(8), {"cell": "c4"}, {"later": ["skipped"]})
    goal = Goal(dag=Dag(world.parents), goods=(GOOD, "later"), bad=world.bad)
    played = play(world, goal)
    assert (played.of("cell").finding, played.of("cell").culprit) == (Finding.UNVERIFIED, None)
    assert played.of("cell").note == "the good end later told nothing about it"
    assert played.shas(Purpose.NARROW) == []


def test_an_unbuildable_bad_end_is_tried_once():
    played = play(one_cell(8, 4, {"c7": ["unbuildable"]}))
    assert len(played.trials) == 1
    assert played.state.conclusions == ()


def test_an_unbuildable_good_end_leaves_red_cells_unverified_and_green_ones_green():
    played = play(World(line(8), {"red": "c4", "green": None}, {GOOD: ["unbuildable"]}))
    assert played.shas(Purpose.GOOD_END) == [GOOD]
    assert played.of("red").finding is Finding.UNVERIFIED
    assert played.of("green").finding is Finding.GREEN


def test_a_cell_without_a_word_at_the_bad_end_is_unverified():
    played = play(World(line(8), {"one": "c4", "two": "c4"}, {("c7", "two"): ["errored"]}))
    assert played.of("one").culprit == "c4"
    assert played.of("two").finding is Finding.UNVERIFIED


# --- what the machine spoils ------------------------------------------------------------------------------


@pytest.mark.parametrize("sha", ["c7", GOOD, "c3", "c4", "c5"])
@pytest.mark.parametrize("word", ["infrastructure", "port taken"])
def test_what_the_machine_spoils_once_is_run_again(sha, word):
    world = one_cell(8, 4, {sha: [word, "failed" if sha in ("c7", "c4", "c5") else "passed"]})
    played, undisturbed = play(world), play(one_cell(8, 4))
    assert played.of("cell").culprit == "c4"
    assert played.of("cell").skipped == ()
    spoilt = sum(trial.outcome is Outcome.INFRASTRUCTURE for trial in played.trials)
    assert len(played.trials) == len(undisturbed.trials) + spoilt


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_what_the_machine_always_spoils_is_given_up(retries):
    world = one_cell(8, 4, {"c3": ["infrastructure"]})
    played = play(world, world.goal(retries=retries))
    assert sum(trial.sha == "c3" for trial in played.trials) == retries + 1
    assert played.of("cell").candidates == ("c3", "c4")


def test_an_end_that_the_machine_always_spoils_is_given_up():
    played = play(one_cell(8, 4, {"c7": ["infrastructure"]}))
    assert played.shas(*Purpose) == ["c7", "c7"]
    assert played.state.conclusions == ()


@pytest.mark.parametrize("sha", ["c7", GOOD, "c3"])
def test_a_resumed_session_tries_again_what_was_spoilt(sha):
    well = "failed" if sha == "c7" else "passed"
    world = one_cell(8, 4, {sha: ["infrastructure", "infrastructure", well]})
    spoilt = play(world)
    assert spoilt.state.step is None
    assert not any(item.culprit for item in spoilt.state.conclusions)
    resumed = play(world, granting_retries(world.goal(), spoilt.trials), spoilt.trials)
    assert resumed.of("cell").culprit == "c4"
    assert resumed.steps[0].sha == sha


def test_a_resumed_session_without_spoilt_trials_goes_on_as_it_was():
    world = one_cell(8, 4)
    assert granting_retries(world.goal(), play(world).trials).retries == world.goal().retries


@pytest.mark.parametrize("sha", ["c4", "c7"])
def test_what_was_spoilt_is_no_evidence(sha):
    """The failure shown is the one under investigation, not the one that the machine caused before it."""
    found = play(one_cell(8, 4, {"c7": ["failed"], sha: ["port taken", "failed"]})).of("cell")
    assert found.culprit == "c4"
    assert found.failure is not None
    assert found.failure.root.message == "cell lost its engine"


def test_what_told_nothing_counts_for_neither_end():
    found = play(one_cell(8, 4, {"c7": ["infrastructure", "failed"], GOOD: ["errored", "passed"]})).of("cell")
    assert (found.bad.runs, found.bad.failed) == (2, 2)
    assert (found.good.runs, found.good.failed) == (1, 0)


def test_what_was_spoilt_at_the_bad_end_is_not_what_is_investigated():
    answers = {"c7": ["port taken", "failed"], "c3": ["other"]}
    found = play(one_cell(8, 4, answers)).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert found.candidates == ("c3", "c4")


# --- order dependence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("culprit", ["c0", "c4", "c7"])
def test_a_cell_that_fails_only_after_another_has_no_culprit(culprit):
    world = World(line(8), {"first": None, "second": culprit}, followers={"second": "first"})
    found = play(world).of("second")
    assert (found.finding, found.culprit) == (Finding.ORDER_DEPENDENT, None)
    assert "after the cells before it" in found.note


@pytest.mark.parametrize("culprit", ["c0", "c7"])
def test_an_end_of_the_pair_is_confirmed_in_the_company_of_the_candidates(culprit):
    world = World(line(8), {"first": None, "second": culprit})
    played = play(world)
    assert played.of("second").culprit == culprit
    end = GOOD if culprit == "c0" else "c7"
    assert {trial.cells[0].cell for trial in played.trials if trial.sha == end} == {"first", "second"}


def test_where_every_cell_is_red_the_ends_need_no_more_runs():
    world = World(line(8), {"first": "c7", "second": "c7"})
    assert play(world).shas(Purpose.CONFIRM).count("c7") == 0
