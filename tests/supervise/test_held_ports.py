"""A held port is given to no other run, in this process or another, of this user or another."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.held_ports import hold_all, hold_free
from bisect_tool.supervise.ports import is_free

ROOT = Path(__file__).parents[2]
HOLDER = """
import os, sys
sys.path.append(sys.argv[1])
from bisect_tool.supervise.held_ports import hold_all
os.setuid(int(sys.argv[3]))
held = hold_all([int(sys.argv[2])])
print("held", flush=True)
sys.stdin.read()
"""
OTHER_UID = 65534


@pytest.fixture
def port() -> int:
    """A free port whose successor is free, too: below the ports of the kernel and of other tests."""
    while True:
        found = random.randrange(10_000, 20_000)  # noqa: S311
        if is_free(found) and is_free(found + 1):
            return found


@contextmanager
def another_run(port: int, user: int = os.getuid()):
    """A process that holds a port."""
    argv = [sys.executable, "-S", "-c", HOLDER, str(ROOT), str(port), str(user)]
    run = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert run.stdout.readline() == b"held\n"
        yield run
    finally:
        run.kill()
        run.communicate(timeout=60)


def test_held_port_is_free_for_its_server_only(port):
    with hold_all([port]) as held:
        assert held.numbers == (port,)
        assert is_free(port)
        with pytest.raises(EnvironmentFailed, match="0 of the 1"):
            hold_free(1, port, port + 1)
        with pytest.raises(EnvironmentFailed, match=f"port {port}, which the engine must bind, is held"):
            hold_all([port])
    with hold_free(1, port, port + 1) as again:
        assert again.numbers == (port,)


def test_port_with_a_listener_is_skipped():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with hold_free(2, port, min(port + 300, 65536)) as held:
            assert len(held.numbers) == 2
            assert port not in held.numbers


def test_no_port_is_held_if_one_is_missing(port):
    with hold_all([port]):
        with pytest.raises(EnvironmentFailed, match="is held"):
            hold_all([port + 1, port])
        with hold_free(1, port + 1, port + 2) as held:
            assert held.numbers == (port + 1,)


def test_port_of_a_killed_process_is_free(port):
    with another_run(port) as run:
        with pytest.raises(EnvironmentFailed, match="is held"):
            hold_all([port])
        os.kill(run.pid, signal.SIGKILL)
        run.wait(60)
        with hold_all([port]) as held:
            assert held.numbers == (port,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as another user")
def test_port_held_by_another_user_is_not_free(port):
    with another_run(port, OTHER_UID), pytest.raises(EnvironmentFailed, match="is held"):
        hold_all([port])
