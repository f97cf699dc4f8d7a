"""Environments that are probably needed next are built while tests run."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from each_once import EachOnce
from projects import LIMIT_S, NullObserver, survivors
from suites import BUILD, suite, write_scenario

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.planner import State
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store
from bisect_tool.trial.run import TrialAborted

NATIVE = """echo "build {name}" >> {log}
n=0
while [ ! -e {log}.open-build-{name} ]; do n=$((n+1)); [ $n -lt 1200 ] || exit 9; sleep 0.05; done
echo "built {name}" >> {log}
exit {code}
"""


class Log:
    """The log of builds and tests, and the gates they wait for."""

    def __init__(self, path, wait_for):
        self.path = path
        self._wait_for = wait_for

    def open(self, *names):
        for name in names:
            self.path.with_name(f"{self.path.name}.open-{name}").touch()

    @property
    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def wait(self, line):
        self._wait_for(lambda: line in self.lines)


@pytest.fixture
def log(tmp_path, wait_for):
    return Log(tmp_path / "log", wait_for)


class Eager(EachOnce):
    """A planner that also lists the commits after the next trial."""

    def decide(self, trials, running=()):
        state = super().decide(trials, running)
        after = state.remaining[1:] if state.step else state.remaining
        return State(state.step, (), state.remaining, state.steps_left, state.over, likely=after)


@pytest.fixture
def session(project, home, store, log, tmp_path):
    """Makes a session whose commits are built by these scripts; their tests are named 1, 2 and so on."""

    def make(*natives, build=BUILD, slots=1):
        shas = [project.commit(0, files={"native": "none\n", "test_code.py": suite(log.path, '"code"')})]
        for code, native in enumerate(natives, 1):
            shas.append(project.commit(code, files={"native": native}))
        args = RunOptions(
            good=(shas[0],),
            bad=shas[-1],
            repo=str(project.path),
            scenario=str(write_scenario(tmp_path / "scenario", log.path, build)),
            slots=slots,
            pytest=("test_code.py",),
        )
        return sessions.create(resolve(args, home, print), store, home)

    return make


@pytest.fixture
def run(home):
    """Starts a session in a thread; returns a function that waits for its end and returns its exception."""
    cancel, threads = threading.Event(), []

    def start(session, planner=Eager):
        raised = []

        def work():
            try:
                with closing(Store(home.store)) as store:
                    runner.run(
                        session,
                        planner(session.planner.goal),
                        store,
                        NullObserver(),
                        executor_of(session, cancel),
                    )
            except Exception as error:  # noqa: BLE001 - the test looks at it
                raised.append(error)

        def end():
            threads[0].join(LIMIT_S)
            assert not threads[0].is_alive()
            return raised[0] if raised else None

        threads.append(threading.Thread(target=work))
        threads[0].start()
        return end, cancel

    yield start
    cancel.set()
    for thread in threads:
        thread.join(60)


def native(name, log, code=0):
    return NATIVE.format(name=name, log=log.path, code=code)


def results(store, session):
    return [row.result for row in store.trials(session.id)]


def test_the_next_build_is_prepared_while_a_test_runs(session, run, log, store):
    made = session(native("one", log), native("two", log), native("three", log))
    end, _ = run(made)
    log.open("build-one", "build-two")
    log.wait("1 test")
    log.wait("built two")
    log.wait("build three")
    assert "1 end" not in log.lines
    log.open("build-three", 1, 2, 3)
    assert end() is None
    one, two, three = results(store, made)
    assert two.environment_reused
    assert three.environment_reused
    assert sorted(line for line in log.lines if line.startswith("build ")) == [
        "build one",
        "build three",
        "build two",
    ]
    assert len({trial.environment for trial in (one, two, three)}) == 3


def test_trial_waits_for_a_running_prefetch(session, run, log, store):
    made = session(native("one", log), native("two", log))
    end, _ = run(made)
    log.open("build-one")
    log.wait("build two")
    log.open(1, 2)
    log.wait("1 end")
    assert "built two" not in log.lines
    log.open("build-two")
    assert end() is None
    assert log.lines.count("build two") == 1
    assert results(store, made)[1].environment_reused


def test_failed_prefetch_is_reported_by_the_trial(session, run, log, store):
    made = session(native("one", log), native("two", log, code=3))
    end, _ = run(made)
    log.open("build-one", "build-two")
    log.wait("built two")
    log.open(1)
    assert end() is None
    assert [trial.outcome for trial in results(store, made)] == ["failed", "unbuildable"]
    assert log.lines.count("build two") == 2


def test_prefetch_ends_with_the_session(session, run, log, project):
    end, cancel = run(session(native("one", log), native("two", log)))
    log.open("build-one")
    log.wait("build two")
    log.wait("1 test")
    cancel.set()
    assert isinstance(end(), TrialAborted)
    assert survivors(project.mark) == []


@pytest.mark.parametrize("build", ['provider = "none"', f'{BUILD}\nbase = "pinned"'])
def test_commits_without_builds_are_not_prefetched(session, run, log, build, monkeypatch):
    monkeypatch.setattr("bisect_tool.executor.prefetch.Prefetch._work", lambda *_: log.open("worked"))
    log.open("build-one", 1, 2)
    end, _ = run(session(native("one", log), native("two", log), build=build))
    assert end() is None
    assert log.lines.count("1 end") == log.lines.count("2 end") == 1
    assert not log.path.with_name("log.open-worked").exists()


def test_two_slots_that_need_the_same_environment_build_it_once(session, run, log, store, monkeypatch):
    made = session(native("one", log), native("one", log), slots=2)
    end, _ = run(made, EachOnce)  # or it could be prepared in advance
    log.wait("build one")
    log.open("build-one")
    log.wait("1 test")
    log.wait("2 test")
    log.open(1, 2)
    assert end() is None
    assert log.lines.count("build one") == 1
    first, second = results(store, made)
    assert first.environment == second.environment
    assert [first.environment_reused, second.environment_reused].count(False) == 1
