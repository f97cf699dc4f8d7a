"""Shutting down a group of servers: each problem is reported in its own field of `Teardown`."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bisect_tool.pytest_plugin import rank_server
from bisect_tool.pytest_plugin.failures import ServersHung
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.server_group import rank_servers
from bisect_tool.pytest_plugin.shared_memory import SharedMemory
from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.processes import read_process

if TYPE_CHECKING:
    from bisect_tool.pytest_plugin.launch import Launch
    from bisect_tool.pytest_plugin.shutdown import Teardown

StubLaunch = "Callable[..., Launch]"
SHM = Path("/dev/shm")


def end(launch: Launch, mode: str = "group", count: int = 4) -> Teardown:
    with rank_servers(launch, count) as group:
        return group.terminate(mode)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("mode", ["group", "root"])
def test_clean_shutdown_reports_no_problems(stub_launch: StubLaunch, mode: str, count: int):
    teardown = end(stub_launch(), mode, count)
    assert teardown.exit_statuses == (0, 0)
    assert teardown.survivors == teardown.shm_left == teardown.ports_left == teardown.error_lines == ()


@pytest.mark.parametrize("mode", ["group", "root"])
def test_process_that_ignores_sigterm_survives_and_is_killed(stub_launch: StubLaunch, mode: str):
    teardown = end(stub_launch("ignores-sigterm", rank=0, teardown_s=2), mode)
    assert teardown.seconds >= 2
    assert len(teardown.survivors) == 6  # the launcher, the engine, four API servers
    assert all("stub_engine.py" in name for name in teardown.survivors)
    assert teardown.exit_statuses == (-9, 0)
    assert len(teardown.shm_left) == 1  # a killed process cannot clean up


def test_child_that_outlives_its_root_survives(stub_launch: StubLaunch):
    teardown = end(stub_launch("root-leaves-child", rank=1, teardown_s=2), count=1)
    assert teardown.exit_statuses == (0, 0)
    assert len(teardown.survivors) == 1
    assert len(teardown.shm_left) == 1


def test_child_in_its_own_session_belongs_to_the_server(stub_launch: StubLaunch):
    teardown = end(stub_launch("hides", rank=0, teardown_s=2), count=1)
    assert len(teardown.survivors) == 2  # the launcher waits for the engine that hides and ignores SIGTERM
    assert len(teardown.shm_left) == 1
    assert teardown.exit_statuses == (-9, 0)


def test_shared_memory_left_is_named(stub_launch: StubLaunch):
    teardown = end(stub_launch("leaks-shm"), count=1)
    assert teardown.survivors == ()
    assert len(teardown.shm_left) == 2
    assert all((SHM / name).exists() for name in teardown.shm_left)


def test_error_lines_and_leak_warnings_after_sigterm_are_reported(stub_launch: StubLaunch):
    teardown = end(stub_launch("complains-at-exit", rank=1), count=1)
    (line,) = teardown.error_lines
    assert line.startswith("1-rank1.log: (APIServer pid=")
    assert "died unexpectedly" in line
    leak = end(stub_launch("leak-warning", rank=0))
    assert [line.partition(" ")[0] for line in leak.error_lines] == ["4-rank0.log:"]


def test_errors_before_sigterm_are_not_the_teardowns(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 1) as group:
        with group.servers[0].log.path.open("a") as log:
            log.write("(APIServer pid=1) ERROR 11-23 07:56:00 [a.py:1] something before\n")
        assert group.terminate().error_lines == ()


def test_exit_statuses_are_reported_by_rank(stub_launch: StubLaunch):
    assert end(stub_launch("exits-7", rank=1), "root", count=1).exit_statuses == (0, 7)


def test_window_of_a_teardown_starts_with_sigterm(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 1) as group:
        before = time.time()
        group.terminate()
        first, last = group.bisect_window
    assert before <= first <= last
    assert group.bisect_window == (first, last)


def test_leaving_the_context_ends_the_servers(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 1) as group:
        pass
    assert [server.exit_status for server in group.servers] == [0, 0]


def test_no_cell_follows_teardown_is_quick(stub_launch: StubLaunch):
    """They ignore SIGTERM; stopped one after another, they would take two minutes."""
    began = time.monotonic()
    launch = stub_launch("ignores-sigterm", teardown_s=60)
    with rank_servers(launch, 1, is_last_cell=lambda: True) as group:
        pass
    assert [server.exit_status for server in group.servers] == [-9, -9]
    assert time.monotonic() - began < 60


def test_server_hangs_teardown_is_quick(stub_launch: StubLaunch, monkeypatch: pytest.MonkeyPatch):
    """The server that hangs ignores SIGTERM as well."""
    monkeypatch.setattr(rank_server, "REQUEST_TIMEOUT_S", 0.5)
    began = time.monotonic()
    with rank_servers(stub_launch("ignores-sigterm", rank=0, teardown_s=60), 1) as group:
        os.killpg(group.servers[0].pid, signal.SIGSTOP)
        with pytest.raises(ServersHung):
            group.servers[0].post("/v1/completions", {"model": "tiny", "max_tokens": 1})
    assert group.servers[0].exit_status == -9
    assert time.monotonic() - began < 60


def test_leaving_the_context_stops_all_servers_at_once(stub_launch: StubLaunch):
    with rank_servers(stub_launch("ends-after-the-other", teardown_s=60), 1) as group:
        pass
    assert [server.exit_status for server in group.servers] == [0, 0]


def test_orphans_of_a_root_that_died_get_sigterm_too(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 4) as group:
        os.kill(group.servers[0].pid, signal.SIGKILL)
        assert wait_until(lambda: group.servers[0].exit_status == -9, 60)
        teardown = group.terminate()
    assert teardown.exit_statuses == (-9, 0)
    assert teardown.survivors == teardown.shm_left == ()


def test_exception_inside_ends_the_servers_too(stub_launch: StubLaunch):
    with pytest.raises(KeyboardInterrupt), rank_servers(stub_launch(), 1) as group:
        raise KeyboardInterrupt
    assert [server.exit_status for server in group.servers] == [0, 0]


def test_shared_memory_of_foreign_processes_is_ignored():
    watch = SharedMemory()
    segment = SHM / f"stub_foreign_{uuid4().hex}"
    segment.write_bytes(b"\0" * 4096)
    try:
        watch.observe([])
        assert watch.left() == ()
        with segment.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
            watch.observe([process for process in [read_process(own_pid())] if process])
        assert watch.left() == (segment.name,)
    finally:
        segment.unlink()
    assert watch.left() == ()


def test_foreign_process_with_a_roots_pid_is_not_a_member():
    foreign = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        tree = ProcessTree()
        tree._roots.add(foreign.pid)  # as if a root of ours had had this pid
        assert tree.members() == []
        tree.add_root(foreign.pid)
        assert tree.pids() == {foreign.pid}
    finally:
        foreign.kill()
        foreign.wait(60)


def own_pid() -> int:
    return int(Path("/proc/self").readlink().name)
