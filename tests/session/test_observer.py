"""How a session logs its decisions and results."""

from __future__ import annotations

import logging

import pytest
from projects import NullObserver

from bisect_tool.planner import Belief, CellConclusion, Purpose, State, Step
from bisect_tool.planner.types import EndCounts, Finding
from bisect_tool.session.observer import LoggingObserver, conclusion, decision, trial
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

SHA, OTHER = "a" * 40, "b" * 40
FOUND = CellConclusion(
    "test[4]", Finding.CULPRIT, EndCounts(2, 0), EndCounts(3, 3), SHA, (SHA,), confidence=0.98, note="alone"
)


def state(step=None, **more):
    return State(step, (), (SHA, OTHER), 3, **more)


def test_decision_names_commit_purpose_cells_and_probabilities():
    belief = Belief("test[4]", ((SHA, 0.75), (OTHER, 0.2)), 0.05, 0.95)
    chosen = state(Step(SHA, ("test[4]",), Purpose.NARROW), beliefs=(belief,))
    assert decision(chosen) == (
        "next trial: aaaaaaaaa, narrow, test[4]; narrowed to 2 commits, about 3 trials left;"
        " test[4]: aaaaaaaaa 75%, bbbbbbbbb 20%, flaky 5%"
    )


def test_decision_of_all_cells_has_the_disagreement():
    chosen = state(Step(SHA, None, Purpose.BAD_END), disagreement="runs disagree")
    assert decision(chosen) == (
        "next trial: aaaaaaaaa, bad end, all cells; runs disagree, 2 likely commits, about 3 trials left"
    )


def test_decision_to_repeat_a_commit_narrows_nothing():
    chosen = State(Step(SHA, None, Purpose.REPEAT), (), (), 18)
    assert decision(chosen) == "next trial: aaaaaaaaa, repeat, all cells; about 18 trials left"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "running trials come first"),
        ({"over": True}, "the search is over"),
        ({"stopped": True}, "a budget is used up"),
    ],
)
def test_no_trial_has_a_reason(more, reason):
    assert decision(state(**more)) == f"no trial to start: {reason}"


def test_conclusion_has_finding_confidence_and_runs():
    assert conclusion(FOUND) == (
        "concluded test[4]: culprit, aaaaaaaaa, confidence 98%;"
        " failed in 3 of 3 at --bad, 0 of 2 at --good; alone"
    )


def test_trial_has_the_outcome_of_each_cell():
    cells = (
        CellResult(cell="test[1]", outcome=Outcome.PASSED),
        CellResult(cell="test[4]", outcome=Outcome.SKIPPED, reason="no GPU"),
    )
    result = TrialResult(sha=SHA, cells=cells, outcome=Outcome.PASSED, started="", seconds=20.0)
    assert trial(Step(SHA, None, Purpose.CONFIRM), result) == (
        "trial aaaaaaaaa, confirm: passed, 20 s; test[1]: passed; test[4]: skipped, no GPU"
    )


def test_conclusion_is_logged_once_and_every_state_is_forwarded(caplog):
    caplog.set_level(logging.INFO, "bisect_run")
    forwarded = []

    class Watcher(NullObserver):
        def on_decision(self, state):
            forwarded.append(state)

    observer = LoggingObserver(Watcher())
    for each in (state(), State(None, (FOUND,), (), 0, over=True), State(None, (FOUND,), (), 0, over=True)):
        observer.on_decision(each)
    assert len(forwarded) == 3
    assert caplog.text.count("concluded test[4]") == 1
