"""The session loop with an executor that is not this machine."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from each_once import each_once
from projects import NullObserver

from bisect_tool.errors import UsageError
from bisect_tool.executor.event import Yielded
from bisect_tool.executor.executor import Capabilities
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import Home
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.trial.run import lost


class RemoteExecutor:
    """An executor with two slots that loses every trial, the newest first."""

    capabilities = Capabilities(stresses=False)

    def __init__(self, unfinished=()):
        self.cancel, self.unfinished = threading.Event(), unfinished
        self.submitted, self.recovered, self._running, self._free = [], [], [], [0, 1]

    @contextmanager
    def reserve(self, _waiting):
        yield
        assert not self._running

    @property
    def capacity(self):
        return len(self._free)

    def recover(self, folder):
        self.recovered.append(folder.name)
        folder.rmdir()

    def submit(self, sha, cells, folder):
        slot = self._free.pop()
        self.submitted.append((sha, cells, folder.is_dir()))
        self._running.append((slot, sha, folder))
        return slot

    def prefetch(self, shas):
        pass

    def next_event(self):
        slot, sha, folder = self._running.pop()
        self._free.append(slot)
        return Yielded(slot, lost(sha, folder, slot, "the agent was lost").model_copy(update={"where": "B"}))


@pytest.fixture
def session(project, monkeypatch):
    """A stored session of three commits, and the store."""
    monkeypatch.chdir(project.path)
    home = Home(project.home / "state", project.home / "cache")
    shas = project.commits(0, 1, 2, 3)
    project.write_check()
    options = RunOptions(repo=str(project.path), good=(shas[0],), bad=shas[-1], command=("./check.sh",))
    with closing(Store(home.store)) as store:
        yield sessions.create(resolve(options, home, print), store, home), store


def test_session_runs_on_any_executor_and_stores_lost_trials(session):
    session, store = session
    killed = session.home.session(session.id) / "trials" / "001-killed"
    killed.mkdir(parents=True)
    executor = RemoteExecutor()
    state = runner.run(session, each_once(session), store, NullObserver(), executor)
    rows = [row.result for row in store.trials(session.id)]
    assert state.over
    assert executor.recovered == ["001-killed"]
    assert executor.submitted == [(sha, None, True) for sha in each_once(session).goal.dag.candidates]
    assert {(row.outcome, row.reason, row.where) for row in rows} == {
        ("infrastructure", "the agent was lost", "B")
    }


def test_options_that_an_executor_lacks_are_rejected(session):
    session, store = session
    vars(session)["config"] = replace(session.config, stress=("cpu", ()))
    with pytest.raises(UsageError, match="--stress needs trials on this machine"):
        runner.run(session, each_once(session), store, NullObserver(), RemoteExecutor())
    assert not store.trials(session.id)


def test_unfinished_trials_of_an_earlier_run_are_submitted_first(session):
    """One more than there are slots; the planner would start with another commit."""
    session, store = session
    first, middle, *_ = (commit.sha for commit in session.range.commits)
    executor = RemoteExecutor((first, middle, first))
    runner.run(session, each_once(session), store, NullObserver(), executor)
    assert executor.submitted[:3] == [(sha, None, True) for sha in (first, middle, first)]
    assert [row.purpose for row in store.trials(session.id)][:3] == ["narrow"] * 3
