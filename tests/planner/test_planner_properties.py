"""Properties of the planner, for any history and any outcomes of its commits."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_strategies import FOREIGN, worlds
from worlds import World, line, one_cell, simulate

from bisect_tool.planner import Finding, Purpose, conclude_early, decide
from bisect_tool.search.prior import Change
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

RED = (Outcome.FAILED, Outcome.HUNG)
ENDS = (Purpose.BAD_END, Purpose.GOOD_END)


@given(worlds(outcomes=()))
@settings(max_examples=50, deadline=None)
def test_culprit_is_found_if_every_commit_can_be_tested(world):
    search = simulate(world)
    for cell, culprit in world.culprits.items():
        found = search.of(cell)
        if culprit is None:
            assert (found.finding, found.culprit) == (Finding.GREEN, None)
        else:
            assert (found.finding, found.culprit) == (Finding.CULPRIT, culprit)
            assert found.candidates == (culprit,)
            assert found.skipped == ()
            assert found.confidence >= 0.95
            assert found.probabilities[0] == pytest.approx(found.confidence, abs=0.02)


@given(worlds(outcomes=FOREIGN))
@settings(max_examples=60, deadline=None)
def test_untestable_culprit_is_never_guessed(world):
    """A culprit is correct and failed; otherwise it is among the candidates, as are skipped commits."""
    search = simulate(world)
    for cell, culprit in world.culprits.items():
        found = search.of(cell)
        if culprit is None:
            assert found.finding is Finding.GREEN
            continue
        assert found.finding in (Finding.CULPRIT, Finding.CANDIDATES)
        assert culprit in found.candidates
        assert len(found.probabilities) == len(found.candidates)
        assert sum(found.probabilities) <= 1 + 1e-9
        if found.finding is Finding.CULPRIT:
            assert found.culprit == culprit
            assert culprit not in world.overrides
        else:
            assert any(sha in world.overrides for sha in found.candidates)
        assert {sha for sha, _ in found.skipped} <= set(world.overrides)
        assert all(reason for _, reason in found.skipped)


@given(worlds(outcomes=(*FOREIGN, "failed", "passed"), override_ends=True), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_bisection_ends_with_a_conclusion_for_every_cell(world, runs):
    """For any outcomes of any commit, ends and parents outside included, also if they vary."""
    search = simulate(world, world.goal(endpoint_runs=runs))
    cells_run = {
        cell.cell for trial in search.trials for cell in trial.cells if trial.sha in world.goal().failing
    }
    assert {found.cell for found in search.state.conclusions} == cells_run
    for found in search.state.conclusions:
        assert (found.culprit is not None) == (found.finding is Finding.CULPRIT)
        assert found.culprit is None or search.runs(found.culprit, found.cell, *RED, Outcome.PASSED)


@given(worlds(outcomes=("unbuildable", "other")))
@settings(max_examples=50, deadline=None)
def test_culprit_has_failed_and_its_parents_have_passed(world):
    """The failing side at least once, the passing one twice: a pass proves less."""
    search = simulate(world, world.goal(endpoint_runs=1))
    for found in search.state.conclusions:
        if found.culprit is None:
            continue
        parents = [sha for sha in world.parents[found.culprit] if sha not in world.overrides]
        red, green = (parents, [found.culprit]) if world.fix else ([found.culprit], parents)
        assert all(search.runs(sha, found.cell, *RED) >= 1 for sha in red)
        assert all(search.runs(sha, found.cell, Outcome.PASSED) >= 2 for sha in green)


@given(worlds(outcomes=("unbuildable", "infrastructure", "other")), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_failing_end_runs_first_and_candidates_never_grow(world, runs):
    search = simulate(world, world.goal(endpoint_runs=runs))
    assert_failing_end_first(world, search, runs)
    narrowed = remaining_candidates(search)
    assert None not in narrowed
    assert_never_more(narrowed)
    assert narrowed[0] == set(world.parents)


def assert_failing_end_first(world, search, runs):
    """It runs until every cell failed, before any other commit."""
    (end,) = world.goal().failing
    lost = {"infrastructure": 2, "unbuildable": 1, "other": runs}
    green = [cell for cell, culprit in world.culprits.items() if culprit is None]
    expected = lost[world.overrides[end][0]] if end in world.overrides else runs if green else 1
    first = [step for step in search.steps if step.purpose in ENDS][:expected]
    assert list(search.steps[:expected]) == first
    assert [(step.sha, step.cells) for step in first] == [(end, None)] * expected
    for cell in green:
        assert end in world.overrides or search.of(cell).finding is Finding.GREEN
        assert sum(trial.cell(cell) is not None for trial in search.trials) == expected


@given(worlds(outcomes=("unbuildable", "other")), st.data())
@settings(max_examples=60, deadline=None)
def test_every_trial_gives_new_information_and_any_may_be_the_last(world, data):
    search = simulate(world)
    assert_new_information(world, search)
    assert_ends_after(world, search, data.draw(st.integers(1, len(search.trials))))


def assert_new_information(world, search):
    """A green cell is not run after the ends; an untestable commit is not tried twice."""
    (end,) = world.goal().failing
    tried = Counter((step.sha, cell) for step in search.steps for cell in step.cells or ())
    assert all(world.culprits[cell] for _, cell in tried)
    assert all(times == 1 for (sha, _), times in tried.items() if sha in world.overrides)
    # Usually 2 to 5; more if only the ends and one commit are testable.
    assert max(tried.values(), default=0) <= 16
    assert all(step.cells is None or step.cells for step in search.steps)
    assert all(step.cells is not None for step in search.steps if step.sha != end)


@given(worlds(outcomes=("unbuildable", "infrastructure", "other", "errored", "port taken")))
@settings(max_examples=40, deadline=None)
def test_decisions_depend_only_on_the_trials(world):
    """Stored trials are read back and every decision is made again, as in a resumed session."""
    search = simulate(world)
    stored = [TrialResult.model_validate_json(trial.model_dump_json()) for trial in search.trials]
    for count, step in enumerate(search.steps):
        assert decide(world.goal(), stored[:count]).step == step
    assert decide(world.goal(), stored) == search.state


def assert_ends_after(world, search, count):
    """A budget of `count` trials ends with the current probabilities."""
    stopped = conclude_early(world.goal(), search.trials[:count])
    assert stopped.over
    assert stopped.step is None
    for found in stopped.conclusions:
        assert sum(found.probabilities) <= 1 + 1e-9
        assert len(found.probabilities) == len(found.candidates)
        assert found.finding is not Finding.CULPRIT or found.culprit == world.culprits[found.cell]
    if count == len(search.trials):
        assert stopped.conclusions == search.state.conclusions


def remaining_candidates(search):
    """The remaining candidates before each trial and at the end; None while runs disagree."""
    return [None if state.disagreement else set(state.remaining) for state in search.states]


def assert_never_more(narrowed):
    assert all(after <= before for before, after in pairwise(each for each in narrowed if each is not None))


@pytest.mark.parametrize("seed", range(4))
def test_runs_that_disagree_do_not_narrow(seed):
    cells = {"often": "c5", "seldom": "c14"}
    world = World(line(20), cells, rates={"often": (0.7, 0.1), "seldom": (0.5, 0.0)}, seed=seed)
    narrowed = remaining_candidates(simulate(world, world.goal(endpoint_runs=8)))
    assert None in narrowed
    assert_never_more(narrowed)


def test_cleared_suspects_do_not_bring_back_others():
    """Few commits hold 95% of the probability at first, and more once the likeliest one passes."""
    changes = tuple(
        Change(f"c{place}", "", ("engine.py",) if place == 2 else ("README.md",)) for place in range(16)
    )
    world = one_cell(16, 9)
    narrowed = remaining_candidates(simulate(world, world.goal(changes=changes, paths=("engine.py",))))
    assert None not in narrowed
    assert_never_more(narrowed)


def _changes(length):
    return tuple(Change(f"c{place}", "change", ("a/b.py", "a/c.py")) for place in range(length))


def _runs(world, cell, **options):
    """How often a cell runs until its search is over, and the culprit."""
    search = simulate(world, world.goal(endpoint_runs=8, **options))
    return sum(trial.cell(cell) is not None for trial in search.trials), search.of(cell).culprit


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
