"""Servers on several nodes: programs that run the ranks of a node, each at a loopback address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_plugin.conftest import alive

from bisect_tool.pytest_plugin import node_connection, rank_nodes
from bisect_tool.pytest_plugin.deployment import single_server
from bisect_tool.pytest_plugin.failures import ServersBlocked, ServersFailed
from bisect_tool.pytest_plugin.host import Host
from bisect_tool.pytest_plugin.hosts import Hosts
from bisect_tool.pytest_plugin.launch import KEY_VARIABLE, VARIABLE, HostAddress
from bisect_tool.pytest_plugin.rank_host import _accept
from bisect_tool.pytest_plugin.rank_nodes import connected
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.server_group import rank_servers, starting_servers
from bisect_tool.pytest_plugin.waiting import wait_until

ROOT = Path(__file__).parents[2]
KEY = "ab" * 32
FIRST, SECOND = "127.0.0.1", "127.0.0.2"


class Node:
    """One of two nodes: the program that runs its ranks, in its own folder."""

    def __init__(self, folder, launch, address=SECOND):
        (folder / "logs").mkdir(parents=True)
        self.launch = launch.model_copy(update={"address": address, "logs": folder / "logs"})
        (folder / "launch.json").write_text(self.launch.model_dump_json())
        port = folder / "port"
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            VARIABLE: str(folder / "launch.json"),
            KEY_VARIABLE: KEY,
        }
        argv = (sys.executable, "-B", "-m", "bisect_tool.pytest_plugin.rank_host", str(port))
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(argv, env=env, stderr=output)
        assert wait_until(port.exists, 60)
        self.host = HostAddress(address=address, port=int(port.read_text()))


@pytest.fixture
def node(stub_launch, tmp_path):
    """A function: the stub's fault -> the second node, and the launch of the first."""
    nodes = []

    def start(fault="", rank=None, **fields):
        launch = stub_launch(fault, rank, **fields)
        nodes.append(Node(tmp_path / "second", launch))
        return nodes[-1], launch.model_copy(update={"nodes": (nodes[-1].host,)})

    yield start
    for each in nodes:
        each.process.kill()
        each.process.wait(60)


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def test_each_node_has_its_ranks_and_the_teardown_is_that_of_all(node):
    second, launch = node(rpc_port=True)
    with connected(launch) as nodes:
        with rank_servers(launch, 4, nodes=nodes) as group:
            first, other = group.servers
            assert other.get("/server_info", config_format="json")
            local = {Path(f"/proc/{server.pid}/stat").read_text().split()[3] for server in (first, other)}
            assert local == {str(os.getpid()), str(second.process.pid)}
            teardown = group.terminate()
        assert teardown.exit_statuses == (0, 0)
        left = (*teardown.survivors, *teardown.shm_left, *teardown.ports_left, *teardown.error_lines)
        assert left == ()
        with rank_servers(launch, 1, nodes=nodes) as group:
            assert [server.get("/server_info", config_format="json") for server in group.servers]
    for count in (1, 4):
        text = (launch.logs / f"{count}-rank1.log").read_text()
        assert text == (second.launch.logs / f"{count}-rank1.log").read_text()
        assert f"ranks meet at {FIRST}" in text
    assert second.process.wait(60) == 0


def test_node_can_have_an_address_of_ipv6(stub_launch, tmp_path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    node = Node(tmp_path / "second", stub_launch("", None), "::1")
    try:
        socket.create_connection((node.host.address, node.host.port), 60).close()
    finally:
        node.process.kill()
        node.process.wait(60)
    server = SimpleNamespace(_host=node.host, port=8000)
    assert RankServer._url(server, "/health") == "http://[::1]:8000/health"


def test_leftovers_of_a_rank_on_another_node_are_found(node):
    _, launch = node("ignores-sigterm", 1, teardown_s=1)
    with connected(launch) as nodes, rank_servers(launch, 1, nodes=nodes) as group:
        teardown = group.terminate()
    assert teardown.exit_statuses == (0, -signal.SIGKILL)
    assert teardown.survivors
    assert all("stub_engine" in each for each in teardown.survivors)
    assert len(teardown.shm_left) == 1


def test_rank_that_cannot_start_on_another_node_fails_with_its_last_line(node):
    _, launch = node("exits-at-start", 1)
    failing = pytest.raises(ServersFailed, match=r"rank 1, exit status 1, last line: RuntimeError: the stub")
    with connected(launch) as nodes, failing as failure, rank_servers(launch, 1, nodes=nodes):
        raise AssertionError
    assert failure.value.bisect_logs == ("1-rank0.log", "1-rank1.log")


def test_other_deployments_are_on_the_first_node(node):
    _, launch = node()
    with connected(launch) as nodes:
        flags = ("--data-parallel-rank", "0")
        with starting_servers(launch, single_server("it", 1, flags), nodes=nodes) as group:
            group.await_ready()
            (server,) = group.servers
            assert Path(f"/proc/{server.pid}/stat").read_text().split()[3] == str(os.getpid())


def test_lost_node_is_no_fault_of_the_engine(node):
    second, launch = node()
    lost = pytest.raises(ServersBlocked, match=f"node {SECOND} was lost")
    with connected(launch) as nodes, lost, rank_servers(launch, 1, nodes=nodes) as group:
        second.process.kill()
        second.process.wait(60)
        os.killpg(group.servers[1].pid, signal.SIGKILL)  # as its guardian does
        group.ensure_serving()
    assert wait_until(lambda: group.servers[0].exit_status == -signal.SIGKILL, 60)
    assert wait_until(lambda: alive(f"STUB_MARK={launch.env['STUB_MARK']}") == [], 60)


def test_node_that_does_not_answer_is_lost(node, monkeypatch):
    monkeypatch.setattr(rank_nodes, "ANSWER_S", 0.2)
    second, launch = node()
    with connected(launch) as nodes:
        for signum in (signal.SIGSTOP, signal.SIGCONT):
            second.process.send_signal(signum)
            with pytest.raises(ServersBlocked, match=f"node {SECOND} did not answer for 0.2 s"):
                nodes.hosts()


def test_node_that_does_not_answer_at_the_start_is_not_waited_for(node, monkeypatch):
    monkeypatch.setattr(node_connection, "CONNECT_S", 1)
    second, launch = node()
    second.process.send_signal(signal.SIGSTOP)
    blocked = pytest.raises(ServersBlocked, match=f"node {SECOND} cannot be reached: no answer for 1 s")
    with blocked, connected(launch):
        raise AssertionError


def test_idle_connection_does_not_block_the_suite(monkeypatch):
    monkeypatch.setattr(node_connection, "ACCEPT_S", 1)
    key = bytes.fromhex(KEY)
    with socket.create_server((SECOND, 0)) as listener, socket.create_connection(listener.getsockname()):
        host = HostAddress(address=SECOND, port=listener.getsockname()[1])
        with ThreadPoolExecutor(1) as pool:
            accepting = pool.submit(_accept, listener, key)
            with node_connection.connect(host, key) as suite, accepting.result(60) as other:
                suite.send("it")
                assert other.recv() == "it"


def test_node_accepts_only_the_key_of_the_trial(node):
    second, launch = node()
    address = (second.host.address, second.host.port)
    socket.create_connection(address, 60).close()
    with pytest.raises(Exception, match="digest"):
        Client(address, authkey=b"wrong")
    with connected(launch) as nodes:
        assert len(nodes.hosts()) == 1
    assert "a connection is rejected" in second.output.read_text()


def test_node_that_cannot_be_reached_blocks_the_servers(stub_launch):
    launch = stub_launch(nodes=({"address": SECOND, "port": 1},))
    blocked = pytest.raises(ServersBlocked, match=f"node {SECOND} cannot be reached: .*refused")
    with blocked, connected(launch):
        raise AssertionError


def test_ranks_are_spread_evenly_and_other_ports_are_on_the_first_node(stub_launch):
    here, there = (Host(stub_launch()) for _ in range(2))
    hosts = Hosts((here, there), 4)
    assert [hosts.of(number) for number in range(6)] == [here, here, there, there, here, here]
    ports = hosts.take_ports(5)
    hosts.release_ports()
    assert len({*ports}) == 5


def test_long_log_is_copied_completely(node):
    second, launch = node()
    long = "x" * 99 + "\n"
    (second.launch.logs / "1-rank1.log").write_text(long * 50_000)
    with connected(launch) as nodes:
        (host,) = nodes.hosts()
        host.fetch_logs()
        assert (launch.logs / "1-rank1.log").read_text() == long * 50_000


def test_only_files_are_copied_as_logs(node, tmp_path):
    second, launch = node()
    (tmp_path / "secret").write_text("secret")
    (second.launch.logs / "1-rank5.log").symlink_to(tmp_path / "secret")
    (second.launch.logs / "1-rank6.log").mkdir()
    os.mkfifo(second.launch.logs / "1-rank7.log")
    (second.launch.logs / "1-rank1.log").write_text("a line")
    with connected(launch) as nodes:
        (host,) = nodes.hosts()
        host.fetch_logs()
    assert [path.name for path in launch.logs.iterdir()] == ["1-rank1.log"]


def test_logs_that_cannot_be_copied_are_reported(node, caplog):
    second, launch = node()
    launch.logs.rmdir()
    with connected(launch) as nodes:
        (host,) = nodes.hosts()
        (second.launch.logs / "1-rank1.log").write_text("a line")
        assert wait_until(lambda: "logs of a node are not copied any more" in caplog.text, 60)
        assert host.observe() is False


def test_servers_are_ended_with_a_suite_that_is_killed(node):
    second, launch = node()
    connection = node_connection.connect(second.host, bytes.fromhex(KEY))
    flags = ("--data-parallel-rank", "1", "--port", str(launch.ports.start), "--api-server-count", "1")
    connection.send(("start", (1, flags, "1-rank1.log")))
    failed, root = connection.recv()
    assert not failed
    # The environment of a process is empty for an instant during execve(2).
    assert wait_until(lambda: str(root) in alive(f"STUB_MARK={launch.env['STUB_MARK']}"), 60)
    connection.close()
    assert second.process.wait(60) == 0
    assert alive(f"STUB_MARK={launch.env['STUB_MARK']}") == []
