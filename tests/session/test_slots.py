"""Trials in parallel slots are independent of each other, even if one fails or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from each_once import EachOnce, each_once
from projects import LIMIT_S, ROOT, NullObserver, survivors

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.planner import State
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store
from bisect_tool.trial.command_cell import CheckAborted
from bisect_tool.trial.run import TrialAborted

EACH_ONCE = Path(__file__).with_name("each_once.py")

# Every check logs its folder and waits for its own gate: a file `open-<exit code of the commit>`.
GATED = """#!/bin/sh
read -r code < code
echo "$code $(pwd)" >> {log}
trap 'echo "$code term" >> {log}' TERM
n=0
while [ ! -e {log}.open-$code ]; do n=$((n+1)); [ $n -lt 1200 ] || exit 125; sleep 0.05; done
echo "$code end" >> {log}
exit "$code"
"""


class Gates:
    """The log of the checks, and the gates they wait for; a check is identified by its commit's exit code."""

    def __init__(self, log, wait_for):
        self._log = log
        self._wait_for = wait_for

    def open(self, *codes):
        for code in codes:
            self._log.with_name(f"{self._log.name}.open-{code}").touch()

    @property
    def lines(self):
        return self._log.read_text().splitlines() if self._log.exists() else []

    @property
    def started(self):
        return [int(line.split()[0]) for line in self.lines if "/" in line]

    @property
    def folders(self):
        return [line.split()[1] for line in self.lines if "/" in line]

    def wait(self, *codes):
        self._wait_for(lambda: set(codes) <= set(self.started))


@pytest.fixture
def gates(tmp_path, wait_for):
    return Gates(tmp_path / "log", wait_for)


@pytest.fixture
def created(project, home, store, tmp_path):
    """Makes a session whose commits' checks end with these codes, each as soon as its gate is open."""

    def create(*codes, slots=2):
        shas = project.commits(0, *codes)
        project.write_check(GATED.format(log=tmp_path / "log"))
        args = RunOptions(
            good=(shas[0],), bad=shas[-1], repo=str(project.path), command=("./check.sh",), slots=slots
        )
        return sessions.create(resolve(args, home, print), store, home)

    return create


class Background:
    """A session that runs in a thread until `end`."""

    def __init__(self, session, home, observer=None, planner=None):
        self.cancel = threading.Event()
        self.error = None
        self._arguments = session, planner or each_once(session), home, observer or NullObserver()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        session, planner, home, observer = self._arguments
        try:
            with closing(Store(home.store)) as store:
                runner.run(session, planner, store, observer, executor_of(session, self.cancel))
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def end(self):
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        return self.error


@pytest.fixture
def run(home):
    """Starts a session that tries every commit once; it ends with the test at the latest."""
    backgrounds = []

    def start(session, observer=None, planner=None):
        backgrounds.append(Background(session, home, observer, planner))
        return backgrounds[-1]

    yield start
    for background in backgrounds:
        background.cancel.set()
        background.end()


def results(store, session):
    return [row.result for row in store.trials(session.id)]


def test_parallel_trials_have_separate_worktrees(created, run, gates, store):
    session = created(0, 1, 2)
    background = run(session)
    gates.wait(0, 1)
    assert 2 not in gates.started, "there are two slots"
    gates.open(0, 1, 2)
    assert background.end() is None
    trials = results(store, session)
    assert [cell.outcome for trial in trials for cell in trial.cells].count("passed") == 1
    assert len(set(gates.folders[:2])) == 2
    assert {trial.slot for trial in trials} == {0, 1}
    assert len({trial.folder for trial in trials}) == 3
    assert all(Path(trial.folder, "logs", "suite.log").exists() for trial in trials)


def test_no_slot_waits_for_another(created, run, gates, store):
    session = created(0, 1, 2, 3)
    background = run(session)
    gates.open(1, 2, 3)
    gates.wait(3)
    assert not any(line == "0 end" for line in gates.lines)
    gates.open(0)
    assert background.end() is None
    assert len(results(store, session)) == 4


def test_a_trial_is_in_the_store_before_the_next_is_chosen(created, run, gates, home):
    session = created(0, 1, 2, 3)
    known = []

    class Recording(EachOnce):
        def decide(self, trials, running=()):
            with closing(Store(home.store)) as store:
                known.append(results(store, session) == list(trials))
            return super().decide(trials, running)

    gates.open(0, 1, 2, 3)
    assert run(session, planner=Recording(session.planner.goal)).end() is None
    assert len(known) > 4
    assert all(known)


def test_planner_may_wait_for_running_trials(created, run, gates, store):
    """It returns no step although a slot is free, and is called again when a trial has ended."""
    session = created(0, 1, 2)

    class OneAtATime(EachOnce):
        def decide(self, trials, running=()):
            return State(None, (), (), 0) if running else super().decide(trials)

    background = run(session, planner=OneAtATime(session.planner.goal))
    gates.wait(0)
    gates.open(0, 1, 2)
    assert background.end() is None
    assert {trial.slot for trial in results(store, session)} == {0}
    assert [line.split()[0] for line in gates.lines] == ["0", "0", "1", "1", "2", "2"]


def test_an_error_in_one_slot_ends_the_others(created, run, gates, store, project):
    session = created(0, 128, 2)
    background = run(session)
    gates.wait(0, 128)
    gates.open(128)
    assert isinstance(background.end(), CheckAborted)
    assert background.cancel.is_set()
    assert results(store, session) == []
    assert survivors(project.mark) == []
    assert 2 not in gates.started


def test_an_interrupt_ends_every_trial(created, run, gates, store, project):
    session = created(0, 1, 2)
    background = run(session)
    gates.open(1)
    gates.wait(0, 2)
    background.cancel.set()
    assert isinstance(background.end(), TrialAborted)
    assert len(results(store, session)) == 1
    assert survivors(project.mark) == []


class Watching(NullObserver):
    """Records its calls and their threads."""

    def __init__(self):
        self.calls = []
        self.threads = set()

    def on_trial_start(self, slot, _step):
        self._record("start", slot)

    def on_phase(self, slot, name, folder):
        self._record(name, slot)
        assert folder.is_dir()

    def on_trial_end(self, _step, result):
        self._record("end", result.slot)

    def _record(self, name, slot):
        self.calls.append((name, slot))
        self.threads.add(threading.get_ident())


def test_observer_is_called_for_every_slot_from_one_thread(created, run, gates):
    gates.open(0, 1, 2, 3)
    watching = Watching()
    assert run(created(0, 1, 2, 3), watching).end() is None
    assert len(watching.threads) == 1
    one_trial = ["start", "checkout", "test", "end"]  # a command has nothing to build
    for slot in (0, 1):
        calls = [name for name, called_for in watching.calls if called_for == slot]
        assert calls == one_trial * (len(calls) // len(one_trial))
        assert calls


@pytest.fixture
def started(project):
    """Starts a process that tries every commit once, so that the session can be killed."""

    def start(session):
        folders = (ROOT, EACH_ONCE.parent, EACH_ONCE.parents[1])
        env = project.env | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
        return subprocess.Popen(
            [sys.executable, str(EACH_ONCE), session.id],
            env=env,
            start_new_session=True,
            stderr=subprocess.PIPE,
        )

    return start


def test_killed_with_two_trials_in_flight(created, started, gates, store, wait_for):
    """The next run repeats these two and nothing else, and every trial keeps its own logs."""
    session = created(0, 1, 2, 3, 4)
    gates.open(1)
    with started(session) as process:
        gates.wait(0, 2)
        wait_for(lambda: len(results(store, session)) == 1)
        process.kill()
    (kept,) = results(store, session)
    log = Path(kept.folder, "logs", "suite.log")
    assert log.exists()
    gates.open(0, 2, 3, 4)
    with started(session) as process:
        assert process.wait(60) == 0, process.stderr.read().decode()
    trials = results(store, session)
    assert trials[0] == kept
    assert log.exists()
    assert len({trial.folder for trial in trials}) == len(trials) == 5
    folders = {str(folder) for folder in Path(kept.folder).parent.iterdir()}
    assert folders == {trial.folder for trial in trials}
    assert sorted(gates.started) == [0, 0, 1, 2, 2, 3, 4]


def test_killed_with_its_guardians(created, started, gates, store, project):
    """No process is left to end the checks: the next run ends them before it starts any."""
    session = created(0, 1)
    with started(session) as process:
        gates.wait(0, 1)
        process.send_signal(signal.SIGSTOP)  # or it would clean up after its guardians
        for survivor in survivors(project.mark):
            if "guardian.py" in survivor:
                os.kill(int(survivor.split()[0]), signal.SIGKILL)
        process.kill()
    orphans = [each for each in survivors(project.mark) if "check.sh" in each]
    assert len(orphans) >= 2  # a shell that is about to sleep is two for a moment
    gates.open(0, 1)
    with started(session) as process:
        assert process.wait(60) == 0, process.stderr.read().decode()
    assert len(results(store, session)) == 2
    assert sorted(gates.started) == [0, 0, 1, 1]


def test_second_interrupt_ends_at_once_and_leaves_no_process(created, started, gates, project, wait_for):
    """The checks do not end on SIGTERM, so an orderly end would take a while."""
    session = created(0, 1)
    with started(session) as process:
        gates.wait(0, 1)
        process.send_signal(signal.SIGINT)
        wait_for(lambda: any(line.endswith(" term") for line in gates.lines))
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    wait_for(lambda: not survivors(project.mark))
