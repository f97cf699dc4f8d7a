"""The campaign: which trial comes next for all cells, and what the trials say of each."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from math import log2
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GOOD, OTHER, World, line, lineage, play, play_side_by_side

from bisect_tool.campaign import Finding, Goal, Purpose, decide, granting_retries, settle
from bisect_tool.search import Dag
from bisect_tool.search.prior import Change
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

RED = (Outcome.FAILED, Outcome.HUNG)
ENDS = (Purpose.BAD_END, Purpose.GOOD_END)
DIAMOND = {"base": (GOOD,), "left": ("base",), "right": ("base",), "merge": ("left", "right")}
FOREIGN = ("unbuildable", "infrastructure", "other", "errored", "skipped", "port taken")


def one_cell(length, culprit, answers=None, **more):
    return World(line(length), {"cell": f"c{culprit}"}, answers or {}, **more)


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
def worlds(draw, words, spoil_the_ends=False):
    """Three cells, each with a culprit of its own or none; some commits answer `words` instead.

    With `spoil_the_ends` any of the commits may, and change its answer from run to run.
    """
    parents = draw(histories())
    commits = sorted(parents)
    cells = {cell: draw(st.none() | st.sampled_from(commits)) for cell in ("one", "two", "three")}
    fix = draw(st.booleans())
    bad = next(reversed(parents))
    open_to_it = [*commits, GOOD, "elder"] if spoil_the_ends else [sha for sha in commits if sha != bad]
    spoilt = {}
    if words and open_to_it:
        said = st.lists(st.sampled_from(words), min_size=1, max_size=3 if spoil_the_ends else 1)
        spoilt = draw(st.dictionaries(st.sampled_from(open_to_it), said, max_size=6))
    return World(parents, cells, spoilt, fix=fix)


@given(worlds(words=()))
@settings(max_examples=50, deadline=None)
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
            assert found.confidence >= 0.95
            assert found.probabilities[0] == pytest.approx(found.confidence, abs=0.02)


@given(worlds(words=FOREIGN))
@settings(max_examples=60, deadline=None)
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
        assert len(found.probabilities) == len(found.candidates)
        assert sum(found.probabilities) <= 1 + 1e-9
        if found.finding is Finding.CULPRIT:
            assert found.culprit == culprit
            assert culprit not in world.answers
        else:
            assert any(sha in world.answers for sha in found.candidates)
        assert {sha for sha, _ in found.skipped} <= set(world.answers)
        assert all(reason for _, reason in found.skipped)


@given(worlds(words=(*FOREIGN, "failed", "passed"), spoil_the_ends=True), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_campaign_ends_with_a_word_on_every_cell(world, runs):
    """Whatever the commits answer, and however they change it, ends and parents outside among them."""
    played = play(world, world.goal(endpoint_runs=runs))
    told = {cell.cell for trial in played.trials for cell in trial.cells if trial.sha in world.goal().failing}
    assert {found.cell for found in played.state.conclusions} == told
    for found in played.state.conclusions:
        assert (found.culprit is not None) == (found.finding is Finding.CULPRIT)
        assert found.culprit is None or played.runs(found.culprit, found.cell, *RED, Outcome.PASSED)


@given(worlds(words=("unbuildable", "other")))
@settings(max_examples=50, deadline=None)
def test_a_named_pair_was_seen_red_and_green(world):
    """The red side once at least, the green one twice: a pass proves less."""
    played = play(world, world.goal(endpoint_runs=1))
    for found in played.state.conclusions:
        if found.culprit is None:
            continue
        parents = [sha for sha in world.parents[found.culprit] if sha not in world.answers]
        red, green = (parents, [found.culprit]) if world.fix else ([found.culprit], parents)
        assert all(played.runs(sha, found.cell, *RED) >= 1 for sha in red)
        assert all(played.runs(sha, found.cell, Outcome.PASSED) >= 2 for sha in green)


@given(worlds(words=("unbuildable", "infrastructure", "other")), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_the_failing_end_comes_first_until_every_cell_was_red(world, runs):
    played = play(world, world.goal(endpoint_runs=runs))
    (end,) = world.goal().failing
    spoilt = {"infrastructure": 2, "unbuildable": 1, "other": runs}
    green = [cell for cell, culprit in world.culprits.items() if culprit is None]
    expected = spoilt[world.answers[end][0]] if end in world.answers else runs if green else 1
    first = [step for step in played.steps if step.purpose in ENDS][:expected]
    assert list(played.steps[:expected]) == first
    assert [(step.sha, step.cells) for step in first] == [(end, None)] * expected
    for cell in green:
        assert end in world.answers or played.of(cell).finding is Finding.GREEN
        assert sum(trial.cell(cell) is not None for trial in played.trials) == expected


@given(worlds(words=("unbuildable", "other")))
@settings(max_examples=50, deadline=None)
def test_no_trial_tells_a_cell_nothing_new(world):
    """A green cell is left alone after the ends; what cannot be tried is not tried twice."""
    played = play(world)
    (end,) = world.goal().failing
    tried = Counter((step.sha, cell) for step in played.steps for cell in step.cells or ())
    assert all(world.culprits[cell] for _, cell in tried)
    assert all(times == 1 for (sha, _), times in tried.items() if sha in world.answers)
    assert max(tried.values(), default=0) <= 8
    assert all(step.cells is None or step.cells for step in played.steps)
    assert all(step.cells is not None for step in played.steps if step.sha != end)


@given(worlds(words=("unbuildable", "infrastructure", "other", "errored", "port taken")))
@settings(max_examples=40, deadline=None)
def test_what_comes_next_depends_on_the_trials_alone(world):
    """Trials go through their stored form and decisions are asked anew, as in a resumed session."""
    played = play(world)
    stored = [TrialResult.model_validate_json(trial.model_dump_json()) for trial in played.trials]
    for count, step in enumerate(played.steps):
        assert decide(world.goal(), stored[:count]).step == step
    assert decide(world.goal(), stored) == played.state


@given(worlds(words=("unbuildable", "other")), st.data())
@settings(max_examples=60, deadline=None)
def test_a_used_up_budget_ends_with_the_chances_so_far(world, data):
    played = play(world)
    count = data.draw(st.integers(1, len(played.trials)))
    so_far = settle(world.goal(), played.trials[:count])
    assert so_far.over
    assert so_far.step is None
    for found in so_far.conclusions:
        assert sum(found.probabilities) <= 1 + 1e-9
        assert len(found.probabilities) == len(found.candidates)
        assert found.finding is not Finding.CULPRIT or found.culprit == world.culprits[found.cell]
    if count == len(played.trials):
        assert so_far.conclusions == played.state.conclusions


def looks(world, trials, **goal):
    """What is left after each trial, where it is called narrowed; None where runs disagree."""
    states = (decide(world.goal(**goal), trials[:count]) for count in range(len(trials) + 1))
    return [None if state.disagreeing else set(state.remaining) for state in states]


def assert_never_more(narrowed):
    assert all(after <= before for before, after in pairwise(each for each in narrowed if each is not None))


@given(worlds(words=("unbuildable", "infrastructure", "other")), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_what_was_narrowed_down_is_never_more_than_before(world, runs):
    played = play(world, world.goal(endpoint_runs=runs))
    narrowed = looks(world, played.trials, endpoint_runs=runs)
    assert None not in narrowed
    assert_never_more(narrowed)
    assert narrowed[0] == set(world.parents)


@pytest.mark.parametrize("seed", range(4))
def test_where_runs_disagree_it_is_not_called_narrowed(seed):
    cells = {"often": "c5", "seldom": "c14"}
    world = World(line(20), cells, rates={"often": (0.7, 0.1), "seldom": (0.5, 0.0)}, seed=seed)
    narrowed = looks(world, play(world, world.goal(endpoint_runs=8)).trials, endpoint_runs=8)
    assert None in narrowed
    assert_never_more(narrowed)


def test_suspects_that_are_cleared_do_not_bring_back_others():
    """Those that hold 95 % of the chance are few at first, and more once the likeliest is seen to be good."""
    changes = tuple(
        Change(f"c{place}", "", ("engine.py",) if place == 2 else ("README.md",)) for place in range(16)
    )
    world = one_cell(16, 9)
    played = play(world, world.goal(changes=changes, paths=("engine.py",)))
    narrowed = looks(world, played.trials, changes=changes, paths=("engine.py",))
    assert None not in narrowed
    assert_never_more(narrowed)


# --- one cell ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 16, 33])
def test_a_line_takes_few_more_trials_than_its_logarithm(length, fix):
    """The ends and the pair included; no commit is run again and again."""
    trials = []
    for culprit in range(length):
        played = play(one_cell(length, culprit, fix=fix))
        assert played.of("cell").culprit == f"c{culprit}"
        assert max(Counter(step.sha for step in played.steps).values()) <= 7
        trials.append(len(played.trials))
    assert fmean(trials) <= log2(length) + 4.7


def test_the_passing_end_is_run_only_when_everything_fails():
    """After two or more failures inside the range, where nothing was seen to pass."""
    for culprit in range(16):
        played = play(one_cell(16, culprit))
        assert played.steps[0].sha == "c15"
        shas = [trial.sha for trial in played.trials]
        if GOOD in shas:
            before = played.trials[1 : shas.index(GOOD)]
            assert len(before) >= 2
            assert culprit == 0 or all(trial.outcome is Outcome.FAILED for trial in before)
        else:
            assert any(trial.outcome is Outcome.PASSED for trial in played.trials[1:6])


def test_the_passing_end_is_run_beside_the_failing_one():
    """Where a slot would be idle otherwise."""
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
def test_a_cell_that_never_shows_at_the_failing_end_is_green(runs, fix):
    world = World(line(8), {"red": "c4", "green": None}, fix=fix)
    played = play(world, world.goal(endpoint_runs=runs))
    (end,) = world.goal().failing
    assert played.runs(end, "green", Outcome.PASSED) == runs
    assert played.of("green").finding is Finding.GREEN
    assert played.of("red").culprit == "c4"


@pytest.mark.parametrize("shows_in", [1, 2, 3])
def test_a_cell_that_shows_late_at_the_failing_end_is_searched(shows_in):
    world = one_cell(8, 4, {"c7": [*["passed"] * (shows_in - 1), "failed"]})
    played = play(world, world.goal(endpoint_runs=3))
    assert [step.sha for step in played.steps[: shows_in + 1]].count("c7") == shows_in
    assert played.of("cell").culprit == "c4"


def test_the_evidence_is_that_of_the_culprit():
    found = play(one_cell(8, 0)).of("cell")
    assert found.failure is not None
    assert found.failure.root.message == "cell lost its engine"
    assert (found.bad.runs, found.bad.failed) == (1, 1)
    assert found.good.runs >= 1
    assert found.good.failed == 0
    assert found.rates[0] > 0.9
    assert found.rates[1] < 0.1


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
    assert len(played.trials) <= apart - 2
    assert any(step.cells == ("one", "two") for step in played.steps)


def test_green_cells_alone_cost_no_trial_at_the_good_end():
    played = play(World(line(16), {"one": None, "two": None}))
    assert played.shas(*Purpose) == ["c15", "c15"]
    assert [item.finding for item in played.state.conclusions] == [Finding.GREEN] * 2
    assert played.of("one").good.runs == 0


# --- flaky failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "sha"),
    [
        ({"c7": ["failed", "passed", "failed"]}, "c7"),
        ({GOOD: ["failed", "passed"]}, GOOD),
        ({"c4": ["failed", "passed", "failed"]}, "c4"),
        ({"c3": ["failed", "passed"]}, "c3"),
        ({"c3": ["passed", "failed", "passed"]}, "c3"),
    ],
)
def test_one_run_that_disagrees_takes_more_runs_and_no_more(answers, sha):
    played, undisturbed = play(one_cell(8, 4, answers)), play(one_cell(8, 4))
    assert (played.of("cell").finding, played.of("cell").culprit) == (Finding.CULPRIT, "c4")
    if played.runs(sha, "cell", *RED) and played.runs(sha, "cell", Outcome.PASSED):
        assert len(played.trials) > len(undisturbed.trials)


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("rates", [(0.9, 0.0), (0.5, 0.0), (0.95, 0.05)])
def test_a_flaky_failure_has_its_culprit_named(rates, fix):
    """Of thirty seeded worlds two at the most may be wrong beyond the one or two that 95 % leave."""
    wrong = named = 0
    for seed in range(30):
        culprit = random.Random(seed).randrange(16)  # noqa: S311
        played = play(one_cell(16, culprit, rates={"cell": rates}, seed=seed, fix=fix))
        (found,) = played.state.conclusions
        named += found.finding is Finding.CULPRIT
        wrong += found.finding is Finding.CULPRIT and found.culprit != f"c{culprit}"
    assert wrong <= 4
    assert named >= (15 if rates[0] == 0.5 else 25)


def test_the_rates_of_a_flaky_failure_are_learnt():
    played = play(one_cell(8, 4, rates={"cell": (0.5, 0.0)}, seed=2), one_cell(8, 4).goal(endpoint_runs=9))
    found = played.of("cell")
    assert found.culprit == "c4"
    assert 0.2 < found.rates[0] < 0.9
    assert found.rates[1] < 0.1


def test_a_flaky_cell_beside_a_sound_one_is_searched_on_alone():
    world = World(line(16), {"sound": "c5", "shaky": "c11"}, rates={"shaky": (0.6, 0.0)}, seed=1)
    played = play(world, world.goal(endpoint_runs=5))
    assert played.of("sound").culprit == "c5"
    assert played.of("shaky").culprit == "c11"
    assert played.steps[-1].cells == ("shaky",)
    assert max(Counter(step.sha for step in played.steps if "sound" in (step.cells or ())).values()) <= 7


def test_a_cell_that_is_as_red_at_good_commits_is_flaky():
    """Most of them: before any run the search takes three cells in a hundred to be like that."""
    found = Counter()
    for seed in range(12):
        world = one_cell(16, 8, rates={"cell": (0.5, 0.5)}, seed=seed)
        (conclusion,) = play(world, world.goal(endpoint_runs=9)).state.conclusions
        found[conclusion.finding] += 1
        assert conclusion.finding is not Finding.FLAKY or conclusion.culprit is None
    assert found[Finding.FLAKY] >= 6


def test_a_parent_outside_that_fails_is_run_again_not_the_pair():
    """A branch from before the good end, where the cell is red already: a few runs tell so."""
    parents = {
        "c0": (GOOD,),
        "c1": (GOOD,),
        "c3": ("c1", "elder", GOOD),
        "c4": ("c0",),
        "c5": (GOOD, "c3", "c4"),
        "c7": ("c5",),
    }
    answers = {"c0": ["port taken"], "c3": ["failed"], "c5": ["errored"], "elder": ["failed"]}
    played = play(World(parents, {"cell": "c3"}, answers))
    (found,) = played.state.conclusions
    assert found.culprit is None
    assert "elder" in found.note
    assert len(played.trials) <= 25


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("sha", ["c0", "c1", GOOD])
def test_a_commit_that_told_something_once_and_never_again_is_given_up(sha, slots):
    truth = {"c0": "passed", "c1": "failed", GOOD: "passed"}[sha]
    world = World(line(2), {"cell": "c1"}, {sha: [truth, "skipped", "other"]})
    played = play_side_by_side(world, slots, random.Random(0))  # noqa: S311
    (found,) = played.state.conclusions
    assert found.finding in (Finding.CULPRIT, Finding.CANDIDATES)
    assert "c1" in found.candidates
    assert len(played.trials) <= 40


# --- ends that do not show the regression -----------------------------------------------------------------


def test_a_good_commit_above_a_bad_one_is_a_contradiction():
    """Healed and broken again: `c2` fails and `c4` passes, as often as they are run."""
    answers = {"c2": ["failed"], "c3": ["failed"], "c4": ["passed"], "c5": ["passed"]}
    world = one_cell(8, 6, answers)
    (found,) = play(world, world.goal()).state.conclusions
    assert found.finding in (Finding.FLAKY, Finding.CULPRIT)
    assert found.finding is Finding.CULPRIT or "is good though it descends from" in found.note
    assert found.culprit in (None, "c2", "c6")


def test_a_merge_that_heals_one_side_is_a_contradiction():
    """`base` is good by descent until the pair is confirmed: then it is bad, and its descendant is good."""
    (found,) = play(World(DIAMOND, {"cell": "right"}, {"base": ["failed"]})).state.conclusions
    assert (found.finding, found.culprit) == (Finding.FLAKY, None)
    assert found.note == "left is good though it descends from base, which is bad"


def test_a_parent_that_is_good_by_descent_is_tried_before_its_child_is_named():
    """A branch from before the good end still has what was mended on the way to it: `side` did nothing."""
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    played = play(World(parents, {"cell": "side"}, {"elder": ["failed"]}))
    (found,) = played.state.conclusions
    assert "elder" in [step.sha for step in played.steps]
    assert found.culprit is None


def test_a_parent_outside_the_range_that_tells_nothing_does_not_hide_the_culprit():
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    found = play(World(parents, {"cell": "side"}, {"elder": ["unbuildable"]})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "side")
    assert [sha for sha, _ in found.skipped] == ["elder"]


@pytest.mark.parametrize("length", [1, 2, 8, 32])
def test_always_red(length):
    world = World(line(length), {"cell": "c0"}, {GOOD: ["failed"]})
    found = play(world).of("cell")
    assert (found.finding, found.culprit) == (Finding.ALWAYS_RED, None)
    assert found.good.failed == found.good.runs >= 1
    assert found.bad.failed == found.bad.runs >= 1


def test_ends_that_are_swapped():
    """The passing end is run because of the other cell, and every cell is run there."""
    answers = {(GOOD, "two"): ["failed"]}
    world = World(line(8), {"one": "c0", "two": None}, answers)
    played = play(world, world.goal(slots=2))
    assert played.of("one").culprit == "c0"
    assert played.of("two").finding is Finding.GREEN
    both = play_side_by_side(world, 2, random.Random(1))  # noqa: S311
    assert both.of("two").finding is Finding.ALWAYS_RED
    assert "swapped" in both.of("two").note


def test_a_passing_end_that_tells_nothing_leaves_the_cell_unverified_if_nothing_passes():
    (found,) = play(one_cell(8, 0, {GOOD: ["other"]})).state.conclusions
    assert (found.finding, found.culprit) == (Finding.UNVERIFIED, None)
    assert found.note.startswith("the passing end good told nothing about it: another failure: ")


@pytest.mark.parametrize("word", ["other", "skipped"])
def test_a_passing_end_is_heard_before_more_is_tried_in_vain(word: str):
    """A cell that is new at the culprit has nothing to say below it, and at the good end neither."""
    below = {f"c{place}": [word] for place in range(48)}
    played = play(one_cell(64, 48, {GOOD: [word], **below}))
    assert played.of("cell").finding is Finding.UNVERIFIED
    tried = [step.sha for step in played.steps]
    assert tried[-1] == GOOD
    assert sum(sha in below for sha in tried) == 2


def test_a_passing_end_that_tells_nothing_is_not_missed_if_others_pass():
    assert play(one_cell(8, 4, {GOOD: ["other"]})).of("cell").culprit == "c4"


def test_two_passing_ends_are_both_believed():
    world = World(line(8), {"cell": "c4"}, {"later": ["skipped"]})
    goal = Goal(dag=Dag(world.parents), goods=(GOOD, "later"), bad=world.bad)
    assert play(world, goal).of("cell").culprit == "c4"


def test_an_unbuildable_bad_end_is_tried_once():
    played = play(one_cell(8, 4, {"c7": ["unbuildable"]}))
    assert len(played.trials) == 1
    assert played.state.conclusions == ()


def test_an_unbuildable_good_end_leaves_red_cells_unverified_and_green_ones_green():
    played = play(World(line(8), {"red": "c0", "green": None}, {GOOD: ["unbuildable"]}))
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
    culprit = 0 if sha == GOOD else 4
    world = one_cell(8, culprit, {sha: ["infrastructure", "infrastructure", well]})
    spoilt = play(world)
    assert spoilt.state.step is None
    assert not any(item.culprit for item in spoilt.state.conclusions)
    resumed = play(world, granting_retries(world.goal(), spoilt.trials), spoilt.trials)
    assert resumed.of("cell").culprit == f"c{culprit}"
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
    world = one_cell(8, 7, {"c7": ["infrastructure", "errored", "failed"], GOOD: ["port taken", "passed"]})
    played = play(world, world.goal(endpoint_runs=3))
    found = played.of("cell")
    assert found.culprit == "c7"
    assert played.shas(*Purpose).count("c7") - 2 == found.bad.runs == found.bad.failed
    played = play(one_cell(8, 0, {GOOD: ["port taken", "passed"]}))
    assert played.shas(*Purpose).count(GOOD) - 1 == played.of("cell").good.runs


def test_what_was_spoilt_at_the_bad_end_is_not_what_is_investigated():
    answers = {"c7": ["port taken", "failed"], "c3": ["other"]}
    found = play(one_cell(8, 4, answers)).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert found.candidates == ("c3", "c4")


# --- order dependence -------------------------------------------------------------------------------------


CELLS = ("a[1]", "b[1]", "c[1]", "d[1]", "e[4]", "last[4]")


@given(st.integers(0, 7), st.sets(st.sampled_from(CELLS[:-1]), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_of_a_cell_that_fails_only_after_others_these_and_the_culprit_are_found(culprit, needed):
    culprits = dict.fromkeys(CELLS) | {"last[4]": f"c{culprit}"}
    played = play(World(line(8), culprits, followers={"last[4]": tuple(needed)}))
    found = played.of("last[4]")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, f"c{culprit}")
    assert found.after == tuple(cell for cell in CELLS if cell in needed)
    assert len(played.trials) <= 45


@pytest.mark.parametrize("culprit", ["c0", "c4", "c7"])
def test_the_search_keeps_the_order_that_it_fails_in(culprit):
    world = World(line(8), {"a[1]": None, "b[1]": None, "c[4]": culprit}, followers={"c[4]": ("b[1]",)})
    played = play(world)
    narrowing = [step.cells for step in played.steps if step.purpose is Purpose.NARROW]
    assert set(narrowing) <= {("b[1]", "c[4]")}
    assert played.of("c[4]").culprit == culprit
    assert played.of("a[1]").after == ()


def test_cells_of_a_group_that_need_the_same_are_asked_together():
    culprits = dict.fromkeys(("a[1]", "b[1]", "c[1]", "d[1]")) | dict.fromkeys(("e[4]", "f[4]", "g[4]"), "c4")
    world = World(line(8), culprits, followers=dict.fromkeys(("e[4]", "f[4]", "g[4]"), ("b[1]",)))
    played = play(world)
    assert {played.of(cell).after for cell in ("e[4]", "f[4]", "g[4]")} == {("b[1]",)}
    assert {played.of(cell).culprit for cell in ("e[4]", "f[4]", "g[4]")} == {"c4"}
    assert len(played.trials) <= 20


def test_a_cell_that_fails_without_the_others_is_run_so_once():
    world = World(line(8), {"a[1]": None, "b[4]": "c4", "c[4]": "c4", "d[1]": "c4"})
    played = play(world)
    isolated = [(step.sha, step.cells) for step in played.steps if step.purpose is Purpose.ISOLATED]
    assert isolated == [("c7", ("b[4]", "c[4]")), ("c7", ("d[1]",))]
    assert {found.after for found in played.state.conclusions} == {()}


def test_a_flaky_cell_is_hardly_ever_taken_for_one_that_needs_others():
    cells = {"a[1]": None, "b[1]": None, "c[4]": "c9"}
    worlds = [World(line(16), cells, rates={"c[4]": (0.5, 0.0)}, seed=seed) for seed in range(60)]
    found = [play(world, world.goal(endpoint_runs=9)).of("c[4]") for world in worlds]
    assert sum(bool(each.after) for each in found) <= 3
    assert sum(each.culprit == "c9" for each in found) >= 52


@pytest.mark.parametrize("culprit", ["c0", "c7"])
def test_an_end_of_the_pair_is_confirmed_in_the_company_of_the_candidates(culprit):
    world = World(line(8), {"first": None, "second": culprit})
    played = play(world)
    assert played.of("second").culprit == culprit
    # The passing end is not run with every cell, as the failing one is; there its company is larger.
    alone = [trial for trial in played.trials if [cell.cell for cell in trial.cells] == ["second"]]
    assert {culprit, GOOD if culprit == "c0" else "c6"} <= {trial.sha for trial in alone}


def test_where_every_cell_is_red_the_ends_need_no_more_runs():
    world = World(line(8), {"first": "c7", "second": "c7"})
    assert [step.sha for step in play(world).steps].count("c7") <= 2


# --- several slots ----------------------------------------------------------------------------------------


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


def test_what_may_come_next_is_told_where_environments_are_built():
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


def test_beliefs_are_told_of_every_open_cell():
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


def test_a_cut_that_tells_little_alone_is_made_beside_the_others():
    """Nobody suspects the first commits, but with two slots they are cut off all the same."""
    world = one_cell(6, 1)
    files = {sha: "engine/core.py" if int(sha[1:]) >= 3 else "docs/index.md" for sha in world.parents}
    changes = tuple(Change(sha, "A subject", (name,)) for sha, name in files.items())
    for slots in (2, 3, 8):
        goal = world.goal(changes=changes, paths=("engine",), slots=slots)
        assert play(world, goal).of("cell").culprit == "c1"
