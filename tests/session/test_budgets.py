"""A budget ends a session with the answer as far as it came."""

from __future__ import annotations

import threading

import pytest
from projects import Nobody
from suites import write_scenario
from tried import EachOnce, each_once

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.planner import State
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of

SETTLED = State(None, (), ("left",), 3, over=True)


@pytest.fixture
def settled(monkeypatch):
    """With how many trials the planner was asked to settle, each time it was."""
    asked = []

    def conclude_early(_planner, trials):
        asked.append(len(trials))
        return SETTLED

    monkeypatch.setattr(EachOnce, "conclude_early", conclude_early)
    return asked


@pytest.fixture
def create(project, home, store):
    """Makes a session of five commits."""
    shas = project.commits(0, 1, 2, 3, 4, 5)
    project.write_check()

    def make(**words):
        asked = {"good": (shas[0],), "bad": shas[-1], "command": ("./check.sh",), **words}
        return sessions.create(resolve(RunOptions(repo=str(project.path), **asked), home, print), store, home)

    return make


def run(session, store, observer=None):
    state = runner.run(
        session, each_once(session), store, observer or Nobody(), executor_of(session, threading.Event())
    )
    return state, len(store.trials(session.id))


@pytest.mark.parametrize("slots", [1, 2])
def test_no_more_trials_than_the_budget_has(create, store, settled, slots):
    session = create(budget_trials=3, slots=slots)
    assert run(session, store) == (SETTLED, 3)
    assert settled == [3]


def test_a_resumed_session_has_its_trials_anew(create, store, settled):
    session = create(budget_trials=2)
    assert run(session, store) == (SETTLED, 2)
    assert run(session, store) == (SETTLED, 4)
    assert run(session, store)[1] == 5
    assert settled == [2, 4]


def test_a_budget_that_is_enough_is_not_noticed(create, store, settled):
    state, trials = run(create(budget_trials=5, budget_minutes=5), store)
    assert (state.over, state.remaining, trials) == (True, (), 5)
    assert settled == []


class Clock(Nobody):
    """The session's time, which goes on by ten minutes with every trial that begins."""

    now = 0.0

    def monotonic(self):
        return self.now

    def on_trial_start(self, _slot, _step):
        self.now += 600.0


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(runner, "time", made)
    return made


@pytest.mark.parametrize("slots", [1, 2])
def test_no_trial_begins_after_the_last_minute_and_those_that_run_end(create, store, settled, clock, slots):
    session = create(budget_minutes=15, slots=slots)
    assert run(session, store, clock) == (SETTLED, 2)
    assert settled == [2]


def test_a_resumed_session_has_its_minutes_anew(create, store, settled, clock):
    session = create(budget_minutes=15)
    assert run(session, store, clock) == (SETTLED, 2)
    assert run(session, store, clock) == (SETTLED, 4)
    assert settled == [2, 4]


def test_shared_trials_cost_nothing(create, store, settled, tmp_path):
    log = tmp_path / "log"
    for code in (1, 2, 3):
        log.with_name(f"log.open-{code}").touch()
    scenario = str(write_scenario(tmp_path / "scenario", log))
    words = {"bad": "HEAD~2", "command": (), "scenario": scenario, "budget_trials": 1}
    assert run(create(**words), store) == (SETTLED, 1)
    assert run(create(**words), store) == (SETTLED, 1)
    state, trials = run(create(**words), store)
    assert (state.remaining, trials) == ((), 1)
    assert settled == [1, 2]
