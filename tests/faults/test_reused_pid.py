"""Row 5 of the fault table: the pid of a process of ours now belongs to somebody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from bisect_tool.supervise.guardian_protocol import ProcessInfo
from bisect_tool.supervise.journal import JOURNAL_FILE, write_guardian
from bisect_tool.supervise.orphan_tree import end_abandoned
from bisect_tool.supervise.processes import read_process, send


@pytest.fixture
def stranger():
    """A process that dies of any signal, and is not ours."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]) as process:
        yield process
        process.kill()


def as_if_earlier(pid):
    process = read_process(pid)
    assert process is not None
    return pid, process.started - 1


def test_a_stranger_is_never_signalled(stranger, count_times, figure):
    who = as_if_earlier(stranger.pid)
    sent = sum(send(who, signal.SIGKILL) for _ in range(count_times(200, 200)))
    figure(f"{sent} of 200 signals reached the process that has the pid now")
    assert sent == 0
    assert stranger.poll() is None


def test_nor_where_there_are_no_pidfds(stranger, monkeypatch):
    def unknown_call(_pid):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unknown_call)
    assert not send(as_if_earlier(stranger.pid), signal.SIGKILL)
    assert stranger.poll() is None
    process = read_process(stranger.pid)
    assert process is not None
    assert send(process.identity, signal.SIGKILL)
    assert stranger.wait(60) == -signal.SIGKILL


def test_the_pid_changes_hands_between_the_look_and_the_signal(stranger, monkeypatch):
    """The descriptor was opened for the old process: it does not pass to the new one."""
    victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"])
    process = read_process(victim.pid)
    assert process is not None
    to_victim = os.pidfd_open(victim.pid)
    victim.kill()
    victim.wait()
    monkeypatch.setattr(os, "pidfd_open", lambda _pid: to_victim)
    monkeypatch.setattr("bisect_tool.supervise.processes.is_alive", lambda _identity: True)
    assert not send((stranger.pid, process.started), signal.SIGKILL)
    assert stranger.poll() is None


def test_a_record_of_another_process_with_this_pid(stranger, tmp_path):
    pid, started = as_if_earlier(stranger.pid)
    info = ProcessInfo(pid=pid, ppid=1, started=started, title="engine", seen=0.0)
    (tmp_path / JOURNAL_FILE).write_text(json.dumps(asdict(info)) + "\n")
    write_guardian(tmp_path)
    assert not end_abandoned(tmp_path, "a-token-nobody-has")[0]
    assert stranger.poll() is None


def test_a_record_from_before_the_machine_was_booted(stranger, tmp_path, monkeypatch):
    process = read_process(stranger.pid)
    assert process is not None
    info = ProcessInfo(pid=process.pid, ppid=1, started=process.started, title="engine", seen=0.0)
    (tmp_path / JOURNAL_FILE).write_text(json.dumps(asdict(info)) + "\n")
    write_guardian(tmp_path)
    monkeypatch.setattr("bisect_tool.supervise.journal._boot", lambda: "another boot")
    assert not end_abandoned(tmp_path, "a-token-nobody-has")[0]
    assert stranger.poll() is None
