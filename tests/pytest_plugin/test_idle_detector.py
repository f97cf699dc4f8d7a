"""Detecting idleness by the CPU time of real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bisect_tool.pytest_plugin.idle_detector import IdleDetector
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.waiting import wait_until

WORK_THEN_IDLE = """
import time
print("works", flush=True)
began = time.monotonic()
while time.monotonic() - began < {seconds}:
    pass
print("idle", flush=True)
time.sleep(60)
"""


@pytest.fixture
def worker():
    """A function that starts a process in its own session, which works for some seconds and then idles."""
    started = []

    def start(seconds: float) -> tuple[subprocess.Popen, ProcessTree]:
        argv = [sys.executable, "-c", WORK_THEN_IDLE.format(seconds=seconds)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout.readline() == "works\n"
        tree = ProcessTree()
        tree.add_root(process.pid)
        return process, tree

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_is_idle_after_work_is_true(worker):
    process, tree = worker(1.5)
    assert process.stdout.readline() == "idle\n"
    assert wait_until(IdleDetector(tree).is_idle, 60)


def test_is_idle_during_work_is_false(worker):
    """Even if the work gets little CPU time because other processes keep every CPU busy."""
    others = [worker(60) for _ in range(2 * (os.cpu_count() or 1))]
    _, tree = worker(60)
    assert not wait_until(IdleDetector(tree).is_idle, 2)
    assert all(process.poll() is None for process, _ in others)


def test_is_idle_of_ended_processes_is_true(worker):
    process, tree = worker(60)
    process.kill()
    process.wait()
    assert wait_until(IdleDetector(tree).is_idle, 60)
