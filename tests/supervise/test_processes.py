from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.processes import (
    Process,
    below,
    descendants,
    describe,
    environment,
    is_alive,
    open_files,
    read_process,
    send,
    table,
    title,
)

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; print(flush=True); time.sleep(1000)"]


@pytest.fixture
def child():
    with subprocess.Popen(SLEEP, env={"A_MARK": "here"}, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # before it runs, its command line and variables may be empty
        yield process
        process.kill()


def test_table_agrees_with_psutil(child):
    found = table()[child.pid]
    assert found.ppid == os.getpid()
    ticks = os.sysconf("SC_CLK_TCK")
    assert found.started / ticks + psutil.boot_time() == pytest.approx(
        psutil.Process(child.pid).create_time(), abs=1
    )
    assert title(child.pid) == " ".join(SLEEP)
    assert b"A_MARK=here" in environment(child.pid)


def test_process_is_described_by_pid_and_start_time(child):
    about = psutil.Process(child.pid).create_time()
    seconds = {time.strftime("%H:%M:%S", time.localtime(about + near)) for near in (-1, 0, 1)}
    assert describe(child.pid) in {f"pid {child.pid}, since {second}" for second in seconds}
    child.kill()
    child.wait()
    assert describe(child.pid) == f"pid {child.pid}"


def test_name_with_parentheses_and_spaces(tmp_path):
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"]) as process:
        try:
            assert wait_until(lambda: read_process(process.pid).name == program.name, 30)
            found = read_process(process.pid)
        finally:
            process.kill()
    assert found.ppid == os.getpid()


def test_missing_process():
    assert read_process(2**22 + 1) is None
    assert title(2**22 + 1) == "[]"
    assert open_files(2**22 + 1) == []
    assert not is_alive((2**22 + 1, 0))
    assert not send((2**22 + 1, 0), signal.SIGTERM)


def test_zombie_is_not_alive(child):
    process = read_process(child.pid)
    assert process is not None
    assert is_alive(process.identity)
    assert send(process.identity, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(process.identity), 30)
    zombie = read_process(child.pid)
    assert zombie is not None
    assert zombie.dead
    assert child.pid not in descendants(os.getpid())


def test_below_has_the_whole_tree_only():
    processes = {
        pid: Process(pid, parent, 0, "S")
        for pid, parent in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 99)]
    }
    assert [process.pid for process in below([2], processes)] == [3, 4]
    assert {process.pid for process in below([2, 5], processes)} == {3, 4, 6}
    assert below([4], processes) == []


def test_below_ends_at_a_circle_of_pids():
    """A listing is not a snapshot: a reused pid may close a circle."""
    processes = {2: Process(2, 3, 0, "S"), 3: Process(3, 2, 0, "S")}
    assert [process.pid for process in below([2], processes)] == [3]


def test_descriptors_of_a_process(tmp_path):
    with (tmp_path / "held").open("w"):
        assert str(tmp_path / "held") in open_files(os.getpid())
