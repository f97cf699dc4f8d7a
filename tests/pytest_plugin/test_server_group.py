"""Starting a group of servers: all become ready, or it fails with a reason and leaves none running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from bisect_tool.pytest_plugin.deployment import external_lb
from bisect_tool.pytest_plugin.failures import ServersBlocked, ServersFailed, ServersHung
from bisect_tool.pytest_plugin.rank_server import RequestFailed
from bisect_tool.pytest_plugin.server_group import ServerGroup, rank_servers, starting_servers
from bisect_tool.pytest_plugin.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.launch import Launch

READY_S = 60.0
"""The time limit for a stub to become ready; a wait that ends early takes less."""

StubLaunch = "Callable[..., Launch]"


@pytest.mark.parametrize("count", [1, 4])
def test_all_ranks_serve(stub_launch: StubLaunch, count: int):
    with rank_servers(stub_launch(), count) as group:
        group.ensure_serving()
        ranks = {
            (server.rank, info["_api_process_rank"])
            for server in group.servers
            for _ in range(20 * count)
            for info in [server_info(server)]
        }
        assert [server.rank for server in group.servers] == [0, 1]
        assert all(server_info(server)["_api_process_count"] == count for server in group.servers)
        assert {rank for rank, _ in ranks} == {0, 1}
        assert {api for _, api in ranks} <= set(range(count))
        assert len({server.port for server in group.servers}) == 2


def server_info(server):
    return server.get("/server_info", config_format="json")["vllm_config"]["parallel_config"]


def test_logs_are_named_after_the_matrix_value_and_the_rank(stub_launch: StubLaunch):
    launch = stub_launch()
    before = time.time()
    with rank_servers(launch, 1) as group:
        assert group.bisect_logs == ("1-rank0.log", "1-rank1.log")
        start, end = group.bisect_window
        assert before <= start < end <= time.time()
    assert all("rpc port" in (launch.logs / name).read_text() for name in group.bisect_logs)


def test_port_for_messages_is_free_and_the_same_for_all_ranks(stub_launch: StubLaunch):
    launch = stub_launch(rpc_port=True)
    with rank_servers(launch, 1) as group:
        ports = {server.port for server in group.servers}
    lines = {
        line for path in launch.logs.iterdir() for line in path.read_text().splitlines() if "rpc" in line
    }
    (port,) = {int(line.rpartition(" ")[2]) for line in lines}
    assert port not in ports
    assert launch.ports.start <= port < launch.ports.stop


def test_server_gets_its_own_session_and_no_input(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 1) as group:
        for server in group.servers:
            assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid
            assert str(Path(f"/proc/{server.pid}/fd/0").readlink()) == os.devnull
            assert Path(f"/proc/{server.pid}/fd/1").readlink() == server.log.path


def test_rank_that_exits_ends_the_wait_at_once(stub_launch: StubLaunch):
    began = time.monotonic()
    with pytest.raises(ServersFailed, match=r"rank 1, exit status 1, .*RuntimeError: the stub") as caught:
        start(stub_launch("exits-at-start", rank=1))
    assert time.monotonic() - began < READY_S
    assert caught.value.bisect_outcome is None
    assert caught.value.bisect_logs == ("1-rank0.log", "1-rank1.log")
    assert caught.value.bisect_window[1] - caught.value.bisect_window[0] < READY_S


def test_exit_status_zero_before_ready_is_a_failure_too(stub_launch: StubLaunch):
    with pytest.raises(ServersFailed, match="rank 0, exit status 0"):
        start(stub_launch("exits-zero-at-start", rank=0))


def test_fatal_line_ends_the_wait(stub_launch: StubLaunch):
    launch = stub_launch("fatal-line", rank=0)
    with pytest.raises(ServersFailed, match=r"rank 0: .*WorkerProc initialization failed") as caught:
        start(launch)
    printed = (launch.logs / "1-rank0.log").stat().st_mtime  # nothing is written after the fatal line
    assert time.time() - printed < READY_S
    assert caught.value.bisect_outcome is None


def test_fatal_line_and_sigterm_ignored_kills_the_server(stub_launch: StubLaunch):
    began = time.monotonic()
    with pytest.raises(ServersFailed, match="WorkerProc initialization failed"):
        start(stub_launch("fatal-and-stubborn", teardown_s=60))
    assert time.monotonic() - began < 60


def test_collapsing_rank_logs_the_consequences_before_it_is_stopped(stub_launch: StubLaunch):
    launch = stub_launch("falls-apart", rank=0)
    with pytest.raises(ServersFailed, match="WorkerProc initialization failed"):
        start(launch)
    assert "BrokenPipeError" in (launch.logs / "1-rank0.log").read_text()


def test_never_ready_is_a_hang_that_names_the_rank(stub_launch: StubLaunch):
    with pytest.raises(ServersHung, match=r"within 1.5 s: rank 1: no connection$") as caught:
        start(stub_launch("never-ready", rank=1, ready_s=1.5))
    assert caught.value.bisect_outcome == "hung"


def test_unhealthy_server_is_a_hang(stub_launch: StubLaunch):
    with pytest.raises(ServersHung, match="rank 0: 500, rank 1: 500"):
        start(stub_launch("unhealthy", ready_s=1.5))


def test_server_that_died_while_serving_is_named(stub_launch: StubLaunch):
    with rank_servers(stub_launch("dies-on-request", rank=1), 1) as group:
        with pytest.raises(requests.ConnectionError):
            group.servers[1].post("/v1/completions", {"model": "tiny", "max_tokens": 1})
        assert wait_until(lambda: group.servers[1].exit_status == -9, 5)
        with pytest.raises(ServersFailed, match="rank 1, exit status -9"):
            group.ensure_serving()


def test_answer_other_than_200_is_an_error(stub_launch: StubLaunch):
    with rank_servers(stub_launch(), 1) as group:
        with pytest.raises(RequestFailed, match="rank 0 answered 404 to GET /nowhere"):
            group.servers[0].get("/nowhere")
        with pytest.raises(RequestFailed, match="no model huge"):
            group.servers[1].post("/v1/completions", {"model": "huge", "max_tokens": 1})


def test_missing_answer_is_a_hang(stub_launch: StubLaunch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bisect_tool.pytest_plugin.rank_server.REQUEST_TIMEOUT_S", 0.5)
    with rank_servers(stub_launch("never-answers"), 1) as group:
        with pytest.raises(ServersHung, match=r"did not answer POST /v1/completions in 0.5 s") as caught:
            group.servers[0].post("/v1/completions", {"model": "tiny", "max_tokens": 1})
        assert caught.value.bisect_logs == ("1-rank0.log",)


def test_stream_without_an_end_is_an_error(stub_launch: StubLaunch):
    body = {"model": "tiny", "max_tokens": 2, "stream": True}
    with (
        rank_servers(stub_launch("stops-streaming"), 1) as group,
        pytest.raises(RequestFailed, match="without \\[DONE\\]"),
    ):
        group.servers[0].stream("/v1/completions", body)


def test_port_in_use_is_skipped(stub_launch: StubLaunch):
    launch = stub_launch()
    with foreign_server(launch.ports.start), rank_servers(launch, 1) as group:
        assert launch.ports.start not in {server.port for server in group.servers}


def test_two_runs_whose_servers_bind_late_get_different_ports(stub_launch: StubLaunch, tmp_path: Path):
    """Both look for ports in the same range before any server of the other has bound one."""
    may_bind = tmp_path / "may-bind"
    homes = [tmp_path / name for name in ("one", "other")]
    for home in homes:
        home.mkdir()
    launches = [stub_launch(f"binds-once:{may_bind}", logs=home, rpc_port=True) for home in homes]
    with (
        starting_servers(launches[0], external_lb(launches[0], 1)) as one,
        starting_servers(launches[1], external_lb(launches[1], 1)) as other,
    ):
        may_bind.touch()
        one.await_ready()
        other.await_ready()
        given = [server.port for server in (*one.servers, *other.servers)]
    assert len(set(given)) == 4
    with rank_servers(stub_launch(), 1) as third:  # ports of servers that ended are free again
        assert third.servers[0].port == min(given)


def test_no_free_port_is_infrastructure(stub_launch: StubLaunch, ports: dict[str, int]):
    launch = stub_launch(ports={"start": ports["start"], "stop": ports["start"] + 1})
    with pytest.raises(ServersBlocked, match="1 of the 2 required ports are free") as caught:
        start(launch)
    assert caught.value.bisect_outcome == "infrastructure"


def test_fixed_port_that_is_taken_is_infrastructure(stub_launch: StubLaunch, ports: dict[str, int]):
    port = ports["stop"] - 1
    with foreign_server(port), pytest.raises(ServersBlocked, match=f"in use: \\[{port}\\]"):
        start(stub_launch(fixed_ports=(port,)))


def test_missing_program_is_infrastructure(stub_launch: StubLaunch):
    with pytest.raises(ServersBlocked, match=r"rank 0 cannot be started: .*no-such-program"):
        start(stub_launch(command=("/no-such-program",)))


@pytest.mark.parametrize("fault", ["never-ready", "exits-at-start"])
def test_stale_healthy_server_is_infrastructure(
    stub_launch: StubLaunch, monkeypatch: pytest.MonkeyPatch, fault: str
):
    launch = stub_launch(fault)
    # The foreign process binds the port after it was checked and before our server starts.
    monkeypatch.setattr("bisect_tool.supervise.held_ports.is_free", lambda _: True)
    with (
        foreign_server(launch.ports.start, in_another_process=True) as pid,
        foreign_server(launch.ports.start + 1),
        pytest.raises(ServersBlocked, match=rf"port .* is held by another process: .* \(pid {pid}\)"),
    ):
        start(launch)


def start(launch: Launch) -> None:
    with rank_servers(launch, 1) as group:
        assert isinstance(group, ServerGroup)


@contextmanager
def foreign_server(port: int, *, in_another_process: bool = False) -> Iterator[int]:
    """Answer every request to a port with 200 from a foreign server; yields its pid."""
    if in_another_process:
        code = (
            "import http.server as h; A = h.SimpleHTTPRequestHandler;"
            "A.do_GET = lambda self: (self.send_response(200), self.end_headers());"
            f"h.ThreadingHTTPServer(('127.0.0.1', {port}), A).serve_forever()"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        try:
            wait_for_listener(port)
            yield process.pid
        finally:
            process.kill()
            process.wait(10)
    else:
        with ThreadingHTTPServer(("127.0.0.1", port), AlwaysOk) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield os.getpid()
            finally:  # otherwise the thread polls a closed socket, without a pause, until the tests end
                server.shutdown()


class AlwaysOk(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_for_listener(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return
