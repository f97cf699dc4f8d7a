"""What is left on a node by actors that were killed, and who ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from unittest.mock import Mock

import pytest

from bisect_tool.executor.ray import lease
from bisect_tool.executor.ray.lease import Lease
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.paths import Home
from bisect_tool.supervise.processes import read_process

KILLED = """
import os, sys, threading, time
from pathlib import Path
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.paths import Home
from bisect_tool.supervise import GuardianSpec, run_guarded
from bisect_tool.supervise.journal import read_guardian, read_journal
with NodeHome(Home(Path(sys.argv[1]), Path(sys.argv[1]))).trial("killed") as folder:
    logs = folder / "logs"
    logs.mkdir()
    spec = GuardianSpec(("sleep", "60"), folder, dict(os.environ), logs / "suite.log", logs, folder, 60.0)
    threading.Thread(target=run_guarded, args=(spec,), daemon=True).start()
    while not read_journal(folder):
        time.sleep(0.01)
    print(read_guardian(folder)[0], read_journal(folder)[0].pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def node(tmp_path):
    return NodeHome(Home(tmp_path, tmp_path))


@pytest.fixture
def killed(tmp_path):
    """The folder and the program of a trial whose actor and guardian were killed."""
    argv = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as actor:
        assert actor.stdout
        guardian, program = map(int, actor.stdout.readline().split())
        os.kill(guardian, signal.SIGKILL)
        actor.kill()
    return tmp_path / "trials" / "killed", program


def test_the_folder_of_a_trial_is_gone_at_its_end(node, tmp_path):
    with node.trial("one") as folder:
        (folder / "log").touch()
    assert [*(tmp_path / "trials").iterdir()] == []


def test_what_killed_actors_left_is_ended_and_removed_and_what_runs_is_not(node, killed, tmp_path):
    folder, program = killed
    assert is_running(program)
    with node.trial("running") as running:
        node.sweep()
        assert running.is_dir()
        assert not folder.exists()
        assert not is_running(program)
    assert [*(tmp_path / "trials").iterdir()] == []


def is_running(pid):
    process = read_process(pid)
    return process is not None and not process.dead


def test_a_lease_that_is_not_renewed_runs_out_once():
    expired = threading.Event()
    Lease(0.01, expired.set)
    assert expired.wait(10)


def test_a_lease_that_is_renewed_goes_on(monkeypatch):
    """Renewed for a minute, by a clock that goes on while the lease sleeps."""
    now, watches, expired = [0.0], [], Mock()

    def sleep(seconds):
        now[0] += seconds
        if now[0] <= 60:
            held.renew()

    thread = Mock(side_effect=lambda target, **_: Mock(start=lambda: watches.append(target)))
    monkeypatch.setattr(lease, "threading", Mock(Thread=thread))
    monkeypatch.setattr(lease, "time", Mock(monotonic=lambda: now[0], sleep=sleep))
    held = Lease(30.0, expired)
    watches[0]()
    assert (now[0], expired.call_count) == (90.0, 1)
