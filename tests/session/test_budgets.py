"""A budget ends a session with its current result."""

from __future__ import annotations

import threading

import pytest
from each_once import EachOnce, each_once
from projects import NullObserver
from suites import write_scenario

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.planner import State
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of

STOPPED = State(None, (), ("left",), 3, over=True)


@pytest.fixture
def early_conclusions(monkeypatch):
    """The number of trials in each call of `conclude_early`."""
    calls = []

    def conclude_early(_planner, trials):
        calls.append(len(trials))
        return STOPPED

    monkeypatch.setattr(EachOnce, "conclude_early", conclude_early)
    return calls


@pytest.fixture
def create(project, home, store):
    """Makes a session of five commits."""
    shas = project.commits(0, 1, 2, 3, 4, 5)
    project.write_check()

    def make(**more):
        options = {"good": (shas[0],), "bad": shas[-1], "command": ("./check.sh",), **more}
        return sessions.create(
            resolve(RunOptions(repo=str(project.path), **options), home, print), store, home
        )

    return make


def run(session, store, observer=None):
    state = runner.run(
        session,
        each_once(session),
        store,
        observer or NullObserver(),
        executor_of(session, threading.Event()),
    )
    return state, len(store.trials(session.id))


@pytest.mark.parametrize("slots", [1, 2])
def test_no_more_trials_than_the_budget_has(create, store, early_conclusions, slots):
    session = create(budget_trials=3, slots=slots)
    assert run(session, store) == (STOPPED, 3)
    assert early_conclusions == [3]


def test_resumed_session_has_a_new_budget_of_trials(create, store, early_conclusions):
    session = create(budget_trials=2)
    assert run(session, store) == (STOPPED, 2)
    assert run(session, store) == (STOPPED, 4)
    assert run(session, store)[1] == 5
    assert early_conclusions == [2, 4]


def test_sufficient_budget_has_no_effect(create, store, early_conclusions):
    state, trials = run(create(budget_trials=5, budget_minutes=5), store)
    assert (state.over, state.remaining, trials) == (True, (), 5)
    assert early_conclusions == []


class Clock(NullObserver):
    """The session's clock, which advances by ten minutes with every started trial."""

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
def test_no_trial_starts_after_the_last_minute_and_running_ones_end(
    create, store, early_conclusions, clock, slots
):
    session = create(budget_minutes=15, slots=slots)
    assert run(session, store, clock) == (STOPPED, 2)
    assert early_conclusions == [2]


def test_resumed_session_has_a_new_budget_of_minutes(create, store, early_conclusions, clock):
    session = create(budget_minutes=15)
    assert run(session, store, clock) == (STOPPED, 2)
    assert run(session, store, clock) == (STOPPED, 4)
    assert early_conclusions == [2, 4]


def test_shared_trials_cost_nothing(create, store, early_conclusions, tmp_path):
    log = tmp_path / "log"
    for code in (1, 2, 3):
        log.with_name(f"log.open-{code}").touch()
    scenario = str(write_scenario(tmp_path / "scenario", log))
    options = {"bad": "HEAD~2", "command": (), "scenario": scenario, "budget_trials": 1}
    assert run(create(**options), store) == (STOPPED, 1)
    assert run(create(**options), store) == (STOPPED, 1)
    state, trials = run(create(**options), store)
    assert (state.remaining, trials) == ((), 1)
    assert early_conclusions == [1, 2]
