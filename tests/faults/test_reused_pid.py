"""Row 5 of the fault table: the pid of a process of ours now belongs to a foreign process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from bisect_tool.supervise.guarded_run import recover, run_guarded
from bisect_tool.supervise.guardian_protocol import SPEC_FILE, ProcessInfo, Reason
from bisect_tool.supervise.journal import GUARDIAN_FILE, JOURNAL_FILE, write_guardian
from bisect_tool.supervise.orphan_tree import end_abandoned
from bisect_tool.supervise.processes import read_process, send, started_at


@pytest.fixture
def foreign():
    """A foreign process that ends on any signal."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]) as process:
        yield process
        process.kill()


def as_if_earlier(pid):
    process = read_process(pid)
    assert process is not None
    return pid, process.started - 1


def test_foreign_process_is_never_signalled(foreign, count_times, figure):
    who = as_if_earlier(foreign.pid)
    sent = sum(send(who, signal.SIGKILL) for _ in range(count_times(200, 200)))
    figure(f"{sent} of 200 signals reached the process that has the pid now")
    assert sent == 0
    assert foreign.poll() is None


def test_foreign_process_is_not_signalled_without_pidfds(foreign, monkeypatch):
    def unknown_call(_pid):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unknown_call)
    assert not send(as_if_earlier(foreign.pid), signal.SIGKILL)
    assert foreign.poll() is None
    process = read_process(foreign.pid)
    assert process is not None
    assert send(process.identity, signal.SIGKILL)
    assert foreign.wait(60) == -signal.SIGKILL


def test_pid_is_reused_between_check_and_signal(foreign, monkeypatch):
    """The descriptor was opened for the old process and never refers to the new one."""
    victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"])
    process = read_process(victim.pid)
    assert process is not None
    to_victim = os.pidfd_open(victim.pid)
    victim.kill()
    victim.wait()
    monkeypatch.setattr(os, "pidfd_open", lambda _pid: to_victim)
    monkeypatch.setattr("bisect_tool.supervise.processes.is_alive", lambda _identity: True)
    assert not send((foreign.pid, process.started), signal.SIGKILL)
    assert foreign.poll() is None


def test_record_of_another_process_with_this_pid(foreign, tmp_path):
    pid, started = as_if_earlier(foreign.pid)
    info = ProcessInfo(pid=pid, ppid=1, started=started, title="engine", seen=0.0)
    (tmp_path / JOURNAL_FILE).write_text(json.dumps(asdict(info)) + "\n")
    write_guardian(tmp_path)
    assert not end_abandoned(tmp_path, "a-token-nobody-has", 0)[0]
    assert foreign.poll() is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"BOOT_ID": "one\n", "STAT": "btime 1\n"}, {"BOOT_ID": "another\n", "STAT": "btime 1\n"}),
        ({"STAT": "cpu 1\nbtime 1\nctxt 2\n"}, {"STAT": "cpu 1\nbtime 2\nctxt 2\n"}),
        ({}, {}),
    ],
    ids=["another id", "no id", "neither id nor time"],
)
def test_record_from_before_the_machine_was_booted(foreign, tmp_path, monkeypatch, before, after):
    def boot(**files):
        for name in ("BOOT_ID", "STAT"):
            (tmp_path / name).unlink(missing_ok=True)
            monkeypatch.setattr(f"bisect_tool.supervise.journal.{name}", str(tmp_path / name))
        for name, text in files.items():
            (tmp_path / name).write_text(text)

    boot(**before)
    process = read_process(foreign.pid)
    assert process is not None
    info = ProcessInfo(pid=process.pid, ppid=1, started=process.started, title="engine", seen=0.0)
    (tmp_path / JOURNAL_FILE).write_text(json.dumps(asdict(info)) + "\n")
    write_guardian(tmp_path)
    boot(**after)
    assert not end_abandoned(tmp_path, "a-token-nobody-has", 0)[0]
    assert foreign.poll() is None


@pytest.fixture
def older(foreign):
    """Wait until a trial that starts now is younger than the foreign process; starts are counted in ticks."""
    process = read_process(foreign.pid)
    assert process is not None
    while started_at(time.time()) <= process.started:
        time.sleep(0.01)
    return process


def forge(folder, process):
    """Name a process as guardian, keeper and part of a trial, as the trial itself can."""
    write_guardian(folder)
    record = json.loads((folder / GUARDIAN_FILE).read_text())
    forged = {**record, "identity": process.identity, "keeper": process.identity}
    (folder / GUARDIAN_FILE).write_text(json.dumps(forged))
    info = ProcessInfo(process.pid, 1, process.started, "engine", 0.0)
    (folder / JOURNAL_FILE).write_text(json.dumps(asdict(info)) + "\n")


@pytest.mark.parametrize("with_spec", [True, False])
def test_trial_that_names_an_older_process_in_its_records(foreign, older, spec, with_spec):
    made = spec("unused")
    if with_spec:
        (made.folder / SPEC_FILE).write_text(made.without_env().to_json())
    forge(made.folder, older)
    result = recover(made.folder)
    assert result is not None
    assert result.reason is Reason.LOST
    assert foreign.poll() is None


def test_trial_that_stops_its_guardian_and_names_an_older_process_instead(
    foreign, older, spec, monkeypatch, wait_for
):
    for limit in ("KILL_LIMIT_S", "CLEAN_UP_S"):
        monkeypatch.setattr(f"bisect_tool.supervise.guarded_run.{limit}", 0.2)
    made, cancel = spec("unused", grace_s=0.1), threading.Event()
    forge(made.folder, older)
    copies = [f"cp {name} own.{name}; cp forged.{name} {name}" for name in (GUARDIAN_FILE, JOURNAL_FILE)]
    for name in (GUARDIAN_FILE, JOURNAL_FILE):
        (made.folder / name).rename(made.folder / f"forged.{name}")
    stuck = replace(
        made, argv=("sh", "-c", f"{'; '.join(copies)}; kill -STOP $PPID; touch stuck; sleep 1000")
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, stuck, cancel)
        wait_for((made.folder / "stuck").exists)
        cancel.set()
        result = running.result()
    guardian, _ = json.loads((made.folder / f"own.{GUARDIAN_FILE}").read_text())["identity"]
    os.kill(guardian, signal.SIGKILL)
    assert result.reason is Reason.LOST
    assert foreign.poll() is None


@pytest.mark.parametrize("token", ["a", "=", "PATH", "0" * 23, "\n"])
def test_token_that_foreign_environments_have_in_them(foreign, spec, token):
    made = replace(spec("unused"), token=token)
    (made.folder / SPEC_FILE).write_text(made.without_env().to_json())
    assert recover(made.folder) is not None
    assert foreign.poll() is None
