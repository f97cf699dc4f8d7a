"""The planner, whatever the history and whatever its commits answer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from drawn import FOREIGN, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World, line, one_cell, play

from bisect_tool.planner import Finding, Purpose, conclude_early, decide
from bisect_tool.search.prior import Change
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

RED = (Outcome.FAILED, Outcome.HUNG)
ENDS = (Purpose.BAD_END, Purpose.GOOD_END)


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
def test_every_bisection_ends_with_a_conclusion_for_every_cell(world, runs):
    """Whatever the commits answer, and however they change it, ends and parents outside among them."""
    played = play(world, world.goal(endpoint_runs=runs))
    told = {cell.cell for trial in played.trials for cell in trial.cells if trial.sha in world.goal().failing}
    assert {found.cell for found in played.state.conclusions} == told
    for found in played.state.conclusions:
        assert (found.culprit is not None) == (found.finding is Finding.CULPRIT)
        assert found.culprit is None or played.runs(found.culprit, found.cell, *RED, Outcome.PASSED)


@given(worlds(words=("unbuildable", "other")))
@settings(max_examples=50, deadline=None)
def test_the_culprit_was_seen_to_fail_and_its_parents_to_pass(world):
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
def test_the_failing_end_comes_first_and_what_is_left_never_grows(world, runs):
    played = play(world, world.goal(endpoint_runs=runs))
    assert_failing_end_first(world, played, runs)
    narrowed = looks(played)
    assert None not in narrowed
    assert_never_more(narrowed)
    assert narrowed[0] == set(world.parents)


def assert_failing_end_first(world, played, runs):
    """It runs until every cell failed, and before all else."""
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


@given(worlds(words=("unbuildable", "other")), st.data())
@settings(max_examples=60, deadline=None)
def test_every_trial_gives_new_information_and_any_may_be_the_last(world, data):
    played = play(world)
    assert_new_information(world, played)
    assert_ends_after(world, played, data.draw(st.integers(1, len(played.trials))))


def assert_new_information(world, played):
    """A green cell is left alone after the ends; what cannot be tried is not tried twice."""
    (end,) = world.goal().failing
    tried = Counter((step.sha, cell) for step in played.steps for cell in step.cells or ())
    assert all(world.culprits[cell] for _, cell in tried)
    assert all(times == 1 for (sha, _), times in tried.items() if sha in world.answers)
    # Usually 2 to 5: more where only the ends and one commit can be tried.
    assert max(tried.values(), default=0) <= 16
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


def assert_ends_after(world, played, count):
    """A budget that is used up after so many trials ends with the chances so far."""
    so_far = conclude_early(world.goal(), played.trials[:count])
    assert so_far.over
    assert so_far.step is None
    for found in so_far.conclusions:
        assert sum(found.probabilities) <= 1 + 1e-9
        assert len(found.probabilities) == len(found.candidates)
        assert found.finding is not Finding.CULPRIT or found.culprit == world.culprits[found.cell]
    if count == len(played.trials):
        assert so_far.conclusions == played.state.conclusions


def looks(played):
    """What is left before each trial, and last, where it is called narrowed; None where runs disagree."""
    return [None if state.disagreement else set(state.remaining) for state in played.decided]


def assert_never_more(narrowed):
    assert all(after <= before for before, after in pairwise(each for each in narrowed if each is not None))


@pytest.mark.parametrize("seed", range(4))
def test_runs_that_disagree_do_not_narrow(seed):
    cells = {"often": "c5", "seldom": "c14"}
    world = World(line(20), cells, rates={"often": (0.7, 0.1), "seldom": (0.5, 0.0)}, seed=seed)
    narrowed = looks(play(world, world.goal(endpoint_runs=8)))
    assert None in narrowed
    assert_never_more(narrowed)


def test_cleared_suspects_do_not_bring_back_others():
    """Those that hold 95% of the chance are few at first, and more once the likeliest is seen to be good."""
    changes = tuple(
        Change(f"c{place}", "", ("engine.py",) if place == 2 else ("README.md",)) for place in range(16)
    )
    world = one_cell(16, 9)
    narrowed = looks(play(world, world.goal(changes=changes, paths=("engine.py",))))
    assert None not in narrowed
    assert_never_more(narrowed)


def _changes(length):
    return tuple(Change(f"c{place}", "change", ("a/b.py", "a/c.py")) for place in range(length))


def _runs(world, cell, **options):
    """How often a cell runs until its search is over, and the culprit."""
    played = play(world, world.goal(endpoint_runs=8, **options))
    return sum(trial.cell(cell) is not None for trial in played.trials), played.of(cell).culprit


def test_culprit_of_one_cell_helps_to_find_that_of_another():
    """A cell that always fails shows where to look for one that sometimes does."""
    runs = {"with": 0, "without": 0}
    for seed in range(4):
        world = World(line(16), {"a": "c9", "b": "c9"}, rates={"b": (0.4, 0.0)}, seed=seed)
        for name, options in (("with", {"changes": _changes(16)}), ("without", {})):
            number, culprit = _runs(world, "b", **options)
            runs[name] += number
            assert culprit == "c9"
    assert runs["with"] < 0.8 * runs["without"]


@pytest.mark.parametrize("other", [0, 4, 8, 10, 15])
def test_culprit_of_one_cell_hides_no_other(other):
    world = World(line(16), {"a": "c9", "b": f"c{other}"})
    assert _runs(world, "b", changes=_changes(16))[1] == f"c{other}"
