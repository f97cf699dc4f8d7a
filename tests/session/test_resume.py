"""A session that was interrupted in any way is resumed and has the same result."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from projects import NullObserver, survivors
from suites import write_scenario

from bisect_tool.paths import Home
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store
from bisect_tool.trial.run import TrialAborted

KILLS = 6
CODES = (0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1)
FIRST_BAD = 5


@pytest.fixture
def counter(tmp_path):
    """A file to which every run of the check appends its commit."""
    return tmp_path / "counter"


@pytest.fixture
def gate(tmp_path):
    """No check ends while this file exists."""
    return tmp_path / "gate"


@pytest.fixture
def started(project, counter, gate):
    """Starts a session on eleven commits whose check takes `seconds`; returns its process and the SHAs."""

    def start(*options, seconds=0.0):
        shas = project.commits(*CODES)
        project.write_check(
            f"#!/bin/sh\necho $$ >> {counter.with_name('pids')}\n"
            f"git rev-parse HEAD >> {counter}\nsleep {seconds}\n"
            f'while [ -e {gate} ]; do sleep 0.05; done\nexit "$(cat code)"\n'
        )
        args = ("--good", shas[0], "--bad", shas[-1], "--json", *options, "--", "./check.sh")
        return project.fork(*args), shas

    return start


@pytest.fixture
def held(started, gate, counter, wait_for):
    """A session during its first trial, which ends once the gate is removed."""
    gate.touch()
    process, _ = started("--endpoint-runs", "1")
    wait_for(lambda: lines(counter))
    return process


@pytest.fixture(autouse=True)
def _hangups_are_not_ignored():
    """Children inherit ignored signals, and these tests may run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def lines(counter):
    return counter.read_text().splitlines() if counter.exists() else []


def stored(project):
    """The purposes and commits of the last session's trials."""
    with closing(Store(project.home / "state" / "store.db")) as store:
        rows = store.trials(store.session("last").id)
        return [(row.purpose, row.result.sha) for row in rows]


def in_any_order(trials):
    """Sort trials: the order of confirming runs depends on the last checkout of the worktree."""
    return sorted(trials)


def ended(process):
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def running_checks(project, counter):
    """The processes of running checks, oldest first."""
    alive = {int(each.split()[0]) for each in survivors(project.mark)}
    pids = counter.with_name("pids").read_text().split()
    return [int(pid) for pid in pids if int(pid) in alive]


@pytest.mark.slow
def test_killed_again_and_again(project, counter, started, wait_for):
    """Result and trials equal those of an uninterrupted session; only interrupted trials run twice."""
    rng = random.Random(3)  # noqa: S311
    process, shas = started(seconds=0.15)
    wait_for(lambda: lines(counter))
    time.sleep(rng.uniform(0.0, 0.4))
    kill(process)
    for _ in range(KILLS - 1):
        # Anywhere from the start of the program to its third trial.
        process = project.start("resume")
        time.sleep(rng.uniform(0.2, 1.8))
        kill(process)
    resumed = project.run("resume", "--json")
    assert resumed.code == 0, resumed.stderr
    cell = resumed.document.cells["command"]
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[FIRST_BAD]
    broken = stored(project)
    counted, ran = Counter(sha for _, sha in broken), Counter(lines(counter))
    assert all(ran[sha] >= runs for sha, runs in counted.items())
    assert sum(ran.values()) <= sum(counted.values()) + KILLS
    assert project.run("--good", shas[0], "--bad", shas[-1], "--", "./check.sh").code == 0
    assert in_any_order(stored(project)) == in_any_order(broken)
    wait_for(lambda: not survivors(project.mark))


def test_the_stored_trials_are_those_of_a_session_that_was_not_killed(project, counter, started, wait_for):
    process, shas = started()
    wait_for(lambda: len(lines(counter)) >= 3)
    kill(process)
    before = stored(project)
    assert project.run("resume").code == 0
    broken = stored(project)
    assert broken[: len(before)] == before
    assert project.run("--good", shas[0], "--bad", shas[-1], "--", "./check.sh").code == 0
    assert in_any_order(stored(project)) == in_any_order(broken)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_ends_the_trial_and_the_session_can_be_resumed(project, counter, held, name, code):
    """Sent to the whole group, as a terminal does."""
    os.killpg(held.pid, signal.Signals[name])
    returncode, stdout, stderr = ended(held)
    assert returncode == code, stderr
    assert survivors(project.mark) == []
    assert stdout == ""
    assert "bisect-run resume" in stderr
    assert "Traceback" not in stderr
    assert stored(project) == []
    assert project.run("report", "--json").document.exit_code == code


def test_hangup_is_ignored_under_nohup(counter, started, gate, wait_for):
    gate.touch()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process, _ = started("--endpoint-runs", "1")
    wait_for(lambda: lines(counter))
    os.killpg(process.pid, signal.SIGHUP)
    gate.unlink()
    assert ended(process)[0] == 0


def test_trial_interrupted_by_a_signal_runs_again(project, counter, held, gate):
    running = state(project)
    held.send_signal(signal.SIGTERM)
    assert ended(held)[0] == 143
    interrupted = state(project)
    gate.unlink()
    assert project.run("resume").code == 0
    assert len(lines(counter)) == len(stored(project)) + 1
    assert [running, interrupted, state(project)] == [["running"], ["resumable"], ["ended"]]


def state(project):
    """The state that `status` shows for the only session."""
    output = project.run("status").stdout
    return [each for each in ("running", "resumable", "ended") if each in output]


def test_killed_with_its_guardian(project, counter, held, gate, wait_for):
    """No process is left to end the check: `resume` ends it before it reuses the worktree."""
    held.send_signal(signal.SIGSTOP)  # or it would clean up after its guardian
    for survivor in survivors(project.mark):
        if "guardian.py" in survivor:
            os.kill(int(survivor.split()[0]), signal.SIGKILL)
    kill(held)
    (orphan,) = running_checks(project, counter)
    resumed = project.fork("resume")
    wait_for(lambda: len(lines(counter)) == 2)
    (second,) = running_checks(project, counter)
    assert second != orphan
    gate.unlink()
    assert ended(resumed)[0] == 0


def test_a_session_runs_once_at_a_time(project, counter, held, gate):
    """Once it has ended, `resume` runs no trial."""
    second = project.run("resume")
    assert second.code == 5
    assert "is being run by another process" in second.stderr
    assert "or give the id of another session" in second.stderr
    assert "bisect-run status" in second.stderr
    assert "resume" not in second.stderr
    assert "Traceback" not in second.stderr
    report = project.run("report", "--json").document
    assert (report.running, report.resumable) == (True, False)
    assert len(lines(counter)) == 1
    gate.unlink()
    code, stdout, errors = ended(held)
    assert code == 0, errors
    again = project.run("resume", "--json")
    assert (again.code, again.stdout) == (0, stdout)
    assert len(lines(counter)) == len(stored(project))


class Impatient(NullObserver):
    """Cancels a session as soon as its first trial is stored."""

    def __init__(self, cancel):
        self.on_trial_end = lambda _step, _result: cancel.set()


def test_no_trial_starts_after_an_interrupt(project, counter, held, gate):
    """Not even if trials are so short that each ends before the interrupt is noticed."""
    kill(held)
    gate.unlink()
    home, cancel = Home(project.home / "state", project.home / "cache"), threading.Event()
    with closing(Store(home.store)) as store:
        session = sessions.load("last", store, home)
        with pytest.raises(TrialAborted):
            runner.run(session, session.planner, store, Impatient(cancel), executor_of(session, cancel))
    assert len(stored(project)) == 1
    assert len(lines(counter)) == 1 + 1


def test_resume_reports_a_missing_repository(project, held, tmp_path):
    kill(held)
    project.path.rename(tmp_path / "moved")
    resumed = project.run("resume", folder=tmp_path)
    assert resumed.code == 2
    assert "Traceback" not in resumed.stderr
    assert str(project.path) in resumed.stderr


def test_the_temporary_folder_of_a_killed_trial_is_removed(project, held, gate):
    (link,) = project.home.glob("state/sessions/*/trials/*/temporary")
    folder = link.readlink()
    assert folder.is_dir()
    kill(held)
    assert folder.is_dir()
    gate.unlink()
    resumed = project.run("resume", "--json")
    assert resumed.code == 0, resumed.stderr
    assert not folder.exists()
    assert not list(project.home.glob("state/sessions/*/trials/*/temporary"))


@pytest.mark.parametrize("replaced", ["session", "trials"])
def test_symlink_in_place_of_a_session_folder_is_not_followed(project, held, gate, tmp_path, replaced):
    (trial,) = project.home.glob("state/sessions/*/trials/*")
    kill(held)
    folder = trial.parent if replaced == "trials" else trial.parents[1]
    folder.rename(tmp_path / "moved")
    others = tmp_path / "others"
    (others / "trials" / "precious").mkdir(parents=True)
    folder.symlink_to(others / "trials" if replaced == "trials" else others)
    gate.unlink()
    resumed = project.run("resume", "--json")
    assert resumed.code == 0, resumed.stderr
    assert (others / "trials" / "precious").exists()


@pytest.fixture
def interrupted(project, tmp_path):
    """The folder of a scenario, with a session that was stopped after one trial."""
    log = tmp_path / "log"
    for code in ("0", "1"):
        log.with_name(f"log.open-{code}").touch()
    folder = write_scenario(tmp_path / "scenario", log)
    good, bad = project.commits(0, 1)
    args = ("--repo", str(project.path), "--scenario", str(folder), "--good", good, "--bad", bad)
    assert project.run(*args, "--budget-trials", "1").code == 3
    return folder


def test_edited_scenario_is_rejected_unless_the_user_allows_it(project, interrupted):
    suite = interrupted / "test_small.py"
    before = suite.read_text()
    suite.write_text(f"{before}\n# another\n")
    ended = project.run("resume")
    assert ended.code == 2
    assert re.search(r"scenario \S+ was edited since session \S+ started", ended.stderr)
    assert "bisect-run --good" in ended.stderr
    assert project.run("report").code == 0
    suite.write_text(before)
    assert project.run("resume").code == 3
    (interrupted / "notes.txt").write_text("new")
    assert project.run("resume", "--edited-check").code == 3
