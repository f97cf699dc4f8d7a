"""Rows 9 (ports) and 12 of the fault table: sockets and shared memory, of the trial and of others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.ports import foreign_listener, is_free

SHM = Path("/dev/shm")


@pytest.fixture
def foreign_server():
    """A healthy server of a foreign process on a port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def foreign_shm():
    """Make entries that a foreign process has open; they must not be removed."""
    made = {}

    def make():
        path = SHM / f"somebody-{uuid4().hex}"
        made[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        return path

    yield make
    for path, descriptor in made.items():
        os.close(descriptor)
        path.unlink()


def names(count):
    return [f"stub-{uuid4().hex}" for _ in range(count)]


def left_in_shm(wanted):
    return [name for name in wanted if (SHM / name).exists()]


def test_shared_memory_is_reported_and_removed(guard, foreign_shm, count_times, figure):
    before = foreign_shm()
    runs = count_times(6, 100)
    left = reported = removed_foreign = 0
    for _ in range(runs):
        wanted = names(3)
        during = foreign_shm()
        run = guard("leak_shm", *wanted)
        still_there = left_in_shm(wanted)
        for name in still_there:
            (SHM / name).unlink()
        left += len(still_there)
        reported += set(run.result.leftovers.shm) == set(wanted)
        removed_foreign += not during.exists()
    figure(
        f"after {runs} leaks {left} new entries, {reported} reported, {removed_foreign} foreign ones removed"
    )
    assert left == 0
    assert reported == runs
    assert removed_foreign == 0
    assert before.exists()


def test_foreign_process_makes_entries_meanwhile(spec, foreign_shm, wait_for):
    made = spec("tick", "0.1", "6")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made)
        wait_for(lambda: made.stdout.exists() and made.stdout.read_bytes())
        entries = [foreign_shm() for _ in range(20)]
        result = running.result()
    assert result.leftovers.shm == ()
    assert all(entry.exists() for entry in entries)


def test_entry_that_is_only_mapped(guard):
    wanted = names(1)
    run = guard("leak_mapped_shm", *wanted)
    assert run.result.leftovers.shm == tuple(wanted)
    assert left_in_shm(wanted) == []


def test_entry_used_by_a_foreign_process_is_kept(spec, wait_for):
    name = names(1)[0]
    path, made = SHM / name, spec("leak_shm_at_gate", "gate", name)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made)
        wait_for(path.exists)
        try:
            with path.open("rb"):
                (made.cwd / "gate").touch()
                result = running.result()
            assert result.leftovers.shm == ()
            assert path.exists()
        finally:
            path.unlink(missing_ok=True)


def test_no_port_stays_bound(repeat, figure):
    runs = repeat("listen", quick=6, full=100)
    ports = [int(run.log.split()[1]) for run in runs]
    free = sum(map(is_free, ports))
    named = sum(
        run.result.leftovers.processes[0].ports == (port,) for run, port in zip(runs, ports, strict=True)
    )
    figure(f"{free} of {len(runs)} ports free again, {named} survivors named with their port")
    assert all(run.result.leftovers.ports == () for run in runs)
    assert free == named == len(runs)


def test_taken_port_is_seen_before_and_while_serving(foreign_server):
    assert not is_free(foreign_server)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    try:
        listener = foreign_listener(foreign_server, other.pid)
        assert listener is not None
        assert listener.pid == os.getpid()
        assert foreign_listener(foreign_server, os.getpid()) is None
    finally:
        other.kill()
        other.wait()


def test_two_servers_share_a_port_and_one_is_not_ours(spec, wait_for):
    """SO_REUSEPORT: a stale server would answer half of the requests."""
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        port = ours.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", SHARER, str(port)], stdout=subprocess.PIPE
        ) as stale:
            try:
                assert stale.stdout is not None
                assert stale.stdout.readline() == b"listening\n"
                listener = foreign_listener(port, stale.pid)
                assert listener is not None
                assert listener.pid == os.getpid()
            finally:
                stale.kill()


SHARER = """
import socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
print("listening", flush=True)
time.sleep(1000)
"""


def test_foreign_listener_is_distinguished_from_one_of_the_trial(spec, wait_for):
    made = spec("listen", "0", "gate")
    gate = made.cwd / "gate"
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made, cancel)
        wait_for(lambda: made.stdout.exists() and "port" in made.stdout.read_text())
        port = int(made.stdout.read_text().split()[1])
        assert foreign_listener(port, os.getpid()) is None
        gate.touch()
        running.result()
    assert is_free(port)
