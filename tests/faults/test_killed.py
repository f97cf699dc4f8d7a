"""Row 3 and a part of 13: -9 at a random moment for the command line, for the guardian, or for both."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bisect_tool.supervise.fork_server import SERVER
from bisect_tool.supervise.guarded_run import recover, run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianResult, Reason
from bisect_tool.supervise.journal import read_guardian

STAND_IN = Path(__file__).with_name("stand_in.py")
ROOT = Path(__file__).parents[2]
MARK = "STUB_MARK"
LIMIT_S = 2.0
"""What the figures count against; how many keep it depends on what else the machine does."""
LONG_S = 60.0


def moment(seed, most):
    """Random seconds, equal in every run."""
    return random.Random(seed).uniform(0.0, most)  # noqa: S311


def start(made):
    """The stand-in for the command line; everything below it inherits its mark."""
    file = made.folder / "request.json"
    file.write_text(made.without_env().to_json())
    env = {**made.env, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(STAND_IN), str(file)], env=env, stdout=subprocess.PIPE, text=True
    )


def guardian_of(made):
    """The guardian's pid, as it was written down; None before it has been started."""
    guardian = read_guardian(made.folder, 0)
    return guardian and guardian[0]


def seconds_until_gone(alive, mark):
    began = time.monotonic()
    while alive(mark):
        if time.monotonic() - began > LONG_S:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def running():
    """Whether a sleeping process runs; those that still run at the end are killed."""
    asked = set()

    def look(pid):
        asked.add(pid)
        with contextlib.suppress(OSError):  # it has ended
            return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    yield look
    for pid in filter(look, tuple(asked)):
        os.kill(pid, signal.SIGKILL)


def test_command_line_is_killed(spec, alive, count_times, figure):
    def once(seed):
        made = spec("tree")
        with start(made) as process:
            time.sleep(moment(seed, 1.2))
            process.kill()
            process.wait()
        return seconds_until_gone(alive, made.env[MARK])

    with ThreadPoolExecutor(2) as pool:
        took = list(pool.map(once, range(count_times(8, 100))))
    in_time = sum(seconds < LIMIT_S for seconds in took)
    figure(f"0 survivors within {LIMIT_S:g} s in {in_time} of {len(took)}; worst {max(took):.2f} s")
    assert max(took) < float("inf")


def test_guardian_is_killed(spec, alive, count_times, wait_for, figure):
    def once(seed):
        made = spec("tree")
        with start(made) as process:
            wait_for(lambda: guardian_of(made))
            guardian = guardian_of(made)
            # Every other time right at the start, where the program is just being forked.
            time.sleep(moment(seed, 1.0 if seed % 2 else 0.15))
            os.kill(guardian, signal.SIGKILL)
            took = time.monotonic()
            result = GuardianResult.from_json(process.communicate(timeout=LONG_S)[0])
            took = time.monotonic() - took
        assert result.reason is Reason.LOST
        return took, alive(made.env[MARK])

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(once, range(count_times(8, 100))))
    clean = sum(not left for _, left in ends)
    in_time = sum(took < LIMIT_S for took, _ in ends)
    worst = max(took for took, _ in ends)
    figure(f"0 survivors in {clean} of {len(ends)}; within {LIMIT_S:g} s: {in_time}; worst {worst:.2f} s")
    assert clean == len(ends), ends


STRIPPED = "env -i setsid sh -c 'sleep 1000 & echo $!' >> pids"
"""Starts a process without our mark, whose parent ends: nothing but its ancestors shows whose it is."""


def test_processes_without_identification(spec, running):
    """The guardian is killed before it has seen any of them."""
    many = f"n=0; while [ $n -lt 8 ]; do {STRIPPED}; n=$((n+1)); done"
    made = spec(argv=("sh", "-c", f"kill -STOP $PPID; {many}; kill -9 $PPID; {STRIPPED}; {STRIPPED}"))
    assert run_guarded(made).reason is Reason.LOST
    pids = (made.folder / "pids").read_text().split()
    assert len(pids) >= 8
    assert [pid for pid in pids if running(int(pid))] == []


KEEPER = "keeper=$(cut -d ' ' -f 4 /proc/$PPID/stat)"


def test_guardian_and_keeper_are_killed_beside_another_trial(spec, running, wait_for):
    """No process of the other trial is ended or waited for."""
    other = spec(argv=("sh", "-c", f"{STRIPPED}; echo ready; until test -e go; do sleep 0.1; done; exit 3"))
    made = spec(argv=("sh", "-c", f"{STRIPPED}; {KEEPER}; kill -9 $keeper $PPID; {STRIPPED}; {STRIPPED}"))
    with SERVER, ThreadPoolExecutor(1) as pool:
        beside = pool.submit(run_guarded, other)
        wait_for(lambda: other.stdout.exists() and b"ready" in other.stdout.read_bytes())
        assert run_guarded(made).reason is Reason.LOST
        pids = (made.folder / "pids").read_text().split()
        assert [pid for pid in pids if running(int(pid))] == []
        (kept,) = (other.folder / "pids").read_text().split()
        assert running(int(kept))
        (other.folder / "go").touch()
        assert beside.result().exit_code == 3
    assert not running(int(kept))


@pytest.mark.parametrize(
    ("end", "reason"), [("exit 3", Reason.EXITED), ("sleep 0.2; kill -9 $PPID; sleep 1000", Reason.LOST)]
)
def test_guardian_continues_without_its_keeper(spec, running, end, reason):
    made = spec(argv=("sh", "-c", f"{STRIPPED}; {KEEPER}; kill -9 $keeper; sleep 0.2; {end}"))
    assert run_guarded(made).reason is reason
    assert not running(int((made.folder / "pids").read_text()))


def test_guardian_and_caller_are_killed(spec, running, wait_for):
    made = spec(argv=("sh", "-c", f"{STRIPPED}; {STRIPPED}; echo ready; sleep 1000"))
    with start(made) as process:
        wait_for(lambda: made.stdout.exists() and b"ready" in made.stdout.read_bytes())
        os.kill(guardian_of(made), signal.SIGKILL)
        process.kill()
    pids = (made.folder / "pids").read_text().split()
    assert len(pids) == 2
    wait_for(lambda: not any(running(int(pid)) for pid in pids))


def test_result_forged_by_the_program_is_ignored(spec, alive, running):
    """It kills its guardian and writes a passing result."""
    forged = GuardianResult(Reason.EXITED, 0, 1.0, time.time()).to_json()
    made = spec(argv=("sh", "-c", f"{STRIPPED}; echo '{forged}' > result.json; kill -9 $PPID; sleep 1000"))
    assert run_guarded(made).reason is Reason.LOST
    assert alive(made.env[MARK]) == []
    assert not running(int((made.folder / "pids").read_text()))


@pytest.mark.parametrize("mode", ["kill_guardian", "kill_guardian_at_once"])
def test_tree_kills_its_guardian(guard, mode):
    run = guard(mode)
    assert run.result.reason is Reason.LOST
    assert run.survivors == []
    assert run.sweep_s < LONG_S


def test_stopped_guardian_is_noticed(guard, monkeypatch):
    for name in ("MARGIN_S", "KILL_LIMIT_S", "CLEAN_UP_S"):
        monkeypatch.setattr(f"bisect_tool.supervise.guarded_run.{name}", 0.2)
    # The shell starts in milliseconds, and stops the guardian long before the deadline.
    run = guard(argv=("sh", "-c", "kill -STOP $PPID; sleep 1000"), deadline_s=3.0, grace_s=0.1)
    assert run.result.reason is Reason.LOST
    assert run.survivors == []


def test_both_are_killed_and_the_next_run_cleans_up(spec, alive, count_times, wait_for, figure):
    def once(seed):
        made = spec("tree")
        with start(made) as process:
            wait_for(lambda: made.stdout.exists() and made.stdout.read_bytes())
            time.sleep(moment(seed, 0.5))
            left = alive(made.env[MARK])
            os.kill(guardian_of(made), signal.SIGKILL)
            process.kill()
        result = recover(made.folder)
        return bool(left), result is not None and result.reason is Reason.LOST, alive(made.env[MARK])

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(once, range(count_times(3, 15))))
    assert all(left for left, _, _ in ends)
    clean = sum(lost and not after for _, lost, after in ends)
    figure(f"recovered without a hand, 0 survivors, in {clean} of {len(ends)}")
    assert clean == len(ends), ends


def test_finished_run_needs_no_recovery(guard):
    run = guard("leave", "3")
    assert recover(run.spec.folder) == run.result


def test_nothing_to_recover(tmp_path):
    assert recover(tmp_path) is None
