"""Processes and folders that killed actors leave on a node, and their removal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from unittest.mock import Mock

import pytest

from bisect_tool.executor.ray import lease, node_home
from bisect_tool.executor.ray.lease import Lease
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.file_lock import is_held, try_lock
from bisect_tool.paths import Home
from bisect_tool.supervise.processes import read_process

KILLED = """
import os, sys, threading, time
from pathlib import Path
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.paths import Home
from bisect_tool.supervise.guardian_protocol import GuardianSpec
from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.journal import read_guardian, read_journal, read_keeper
from bisect_tool.supervise.processes import read_process, title
with NodeHome(Home(Path(sys.argv[1]), Path(sys.argv[1]))).trial("killed") as folder:
    logs = folder / "logs"
    logs.mkdir()
    spec = GuardianSpec(("sleep", "60"), folder, dict(os.environ), logs / "suite.log", logs, folder, 60.0)
    threading.Thread(target=run_guarded, args=(spec,), daemon=True).start()
    while not (seen := read_journal(folder)) or not title(seen[0].pid).startswith("sleep"):
        time.sleep(0.01)
    keeper, guardian = read_keeper(folder, 0)[0], read_guardian(folder, 0)[0]
    print(read_process(keeper).ppid, keeper, guardian, seen[0].pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def node(tmp_path):
    return NodeHome(Home(tmp_path, tmp_path))


@pytest.fixture
def killed(tmp_path):
    """The folder and the program of a trial whose actor, fork server, keeper and guardian were killed."""
    argv = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as actor:
        assert actor.stdout
        *watchers, program = map(int, actor.stdout.readline().split())
        for watcher in watchers:
            os.kill(watcher, signal.SIGKILL)
        actor.kill()
    return tmp_path / "trials" / "killed", program


def test_folder_of_a_trial_is_removed_at_its_end(node, tmp_path):
    with node.trial("one") as folder:
        (folder / "log").touch()
    assert [*(tmp_path / "trials").iterdir()] == []


def test_leftovers_of_killed_actors_are_removed_but_running_trials_are_kept(node, killed, tmp_path):
    folder, program = killed
    assert is_running(program)
    with node.trial("running") as running:
        node.sweep()
        assert running.is_dir()
        assert not folder.exists()
        assert not is_running(program)
    assert [*(tmp_path / "trials").iterdir()] == []


def test_lock_without_its_folder_is_removed(node, tmp_path):
    """Its actor was killed between the two, or another sweep had just removed both."""
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "one.lock").touch()
    node.sweep()
    assert [*(tmp_path / "trials").iterdir()] == []


def test_trial_whose_new_lock_is_removed_holds_another(node, tmp_path):
    lock = tmp_path / "trials" / "one.lock"
    started, end = threading.Event(), threading.Event()

    def run():
        with node.trial("one"):
            started.set()
            end.wait(60)

    trial = threading.Thread(target=run)
    with try_lock(lock) as held:
        assert held is not None
        trial.start()
        assert not started.wait(0.1)
        lock.unlink()
    assert started.wait(60)
    assert is_held(lock)
    end.set()
    trial.join()
    assert [*(tmp_path / "trials").iterdir()] == []


def test_trial_holds_no_lock_that_a_sweep_removed(node, tmp_path, monkeypatch):
    """The sweep held it when the trial opened it, and removed it before the trial held it."""
    swept = []

    @contextmanager
    def sweep_first(path):
        with try_lock(path) as held:
            if not swept:
                path.unlink()
                swept.append(path)
            yield held

    monkeypatch.setattr(node_home, "try_lock", sweep_first)
    with node.trial("one"):
        assert swept
        assert is_held(tmp_path / "trials" / "one.lock")


def is_running(pid):
    process = read_process(pid)
    return process is not None and not process.dead


class Turns:
    """An event that is set only in its first turns; `waits` records the time limit of each wait."""

    def __init__(self, turns):
        self.left, self.waits, self.cleared = turns, [], 0

    def wait(self, seconds):
        self.waits.append(seconds)
        self.left -= 1
        return self.left >= 0

    def clear(self):
        self.cleared += 1


def test_lease_without_renewal_expires_once():
    expired = threading.Event()
    Lease(0.01, expired.set)
    assert expired.wait(60)


@pytest.mark.parametrize("renewals", [0, 3])
def test_renewed_lease_continues(monkeypatch, renewals):
    watches, expired, turns = [], Mock(), Turns(renewals)
    thread = Mock(side_effect=lambda target, **_: Mock(start=lambda: watches.append(target)))
    monkeypatch.setattr(lease, "threading", Mock(Thread=thread, Event=lambda: turns))
    Lease(30.0, expired)
    watches[0]()
    assert (turns.waits, turns.cleared) == ([30.0] * (renewals + 1), renewals)
    assert expired.call_count == 1


def test_renewal_is_noticed():
    held = Lease(3600.0, Mock())
    held.renew()
    ends = time.monotonic() + 30
    while held._renewed.is_set() and time.monotonic() < ends:  # until the watching thread has noticed it
        time.sleep(0.01)
    assert not held._renewed.is_set()
