"""The planner of `repro`: how many runs, of which commit, and what it counts; trials are simulated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.planner import Purpose, ReproGoal, Step, decide_repro, tally
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

GOAL = ReproGoal(("a",), 3)
BOTH = ReproGoal(("a", "b"), 3)


def trial(sha, *outcomes, seconds=1.0):
    cells = tuple(
        CellResult(cell=f"cell{number}", outcome=outcome, seconds=seconds, reason="why")
        for number, outcome in enumerate(outcomes)
    )
    worst = outcomes[0] if outcomes else Outcome.ERRORED
    return TrialResult(sha=sha, cells=cells, outcome=worst, started="", seconds=seconds)


def simulate(goal, outcomes):
    """The commits tried, in order, if the first runs have `outcomes` and all others pass."""
    trials, rest = [], list(outcomes)
    while (step := decide_repro(goal, trials).step) is not None:
        trials.append(trial(step.sha, rest.pop(0) if rest else Outcome.PASSED))
        assert len(trials) < 100
    return [each.sha for each in trials]


PASS, FAIL, HANG = Outcome.PASSED, Outcome.FAILED, Outcome.HUNG
SKIP, LOST, NONE = Outcome.SKIPPED, Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE


@pytest.mark.parametrize(
    ("outcomes", "runs"),
    [
        ((), 3),
        ((FAIL, HANG, FAIL), 3),
        ((LOST,), 4),
        ((SKIP, SKIP), 2),
        ((LOST, LOST), 2),
        ((FAIL, LOST, LOST), 5),
        ((FAIL, LOST, LOST, LOST), 4),
        ((NONE,), 1),
        ((FAIL, NONE), 2),
    ],
)
def test_how_many_runs(outcomes, runs):
    assert simulate(GOAL, outcomes) == ["a"] * runs


def test_two_commits_take_turns():
    assert simulate(BOTH, ()) == ["a", "b"] * 3
    assert simulate(BOTH, (NONE,)) == ["a", "b", "b", "b"]


@pytest.mark.parametrize(
    ("outcomes", "runs"), [((FAIL,), 1), ((PASS, HANG), 2), ((LOST, FAIL), 2), ((PASS, PASS, PASS), 3)]
)
def test_until_it_fails(outcomes, runs):
    goal = replace(GOAL, until_fail=True)
    assert len(simulate(goal, outcomes)) == runs


@given(st.integers(1, 12), st.integers(1, 5))
def test_never_more_runs_than_requested_with_slots(runs, slots):
    """The running trials of the two commits differ by one at most."""
    goal, running = replace(BOTH, runs=runs), []
    while (state := decide_repro(goal, [], running)).step is not None:
        assert state.steps_left == 2 * runs - len(running)
        running.append(state.step)
        started = [step.sha for step in running]
        assert started.count("a") - started.count("b") in (0, 1)
    assert len(running) == 2 * runs
    assert not state.over
    assert decide_repro(goal, [trial(step.sha, PASS) for step in running]).over


def test_a_step_runs_every_cell():
    assert decide_repro(GOAL, []).step == Step("a", None, Purpose.REPEAT)


def test_a_tally_counts_conclusive_runs():
    trials = [
        trial("a", PASS),
        trial("a", FAIL, seconds=2.0),
        trial("b", FAIL),
        trial("a", SKIP),
        trial("a", HANG),
        trial("a"),
    ]
    found = tally("cell0", "a", trials)
    assert (found.runs, found.failed, found.seconds) == (3, 2, (2.0, 1.0))
    assert found.signatures == (("why", 2),)
    assert tally("cell1", "a", trials[:4]).runs == 0
