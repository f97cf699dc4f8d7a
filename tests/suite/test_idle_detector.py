"""Rest after work, told by the processor time of real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bisect_tool.suite.idle_detector import IdleDetector
from bisect_tool.suite.process_tree import ProcessTree
from bisect_tool.suite.waiting import wait_until

WORK_THEN_REST = """
import time
began = time.monotonic()
while time.monotonic() - began < {seconds}:
    pass
print("resting", flush=True)
time.sleep(60)
"""


@pytest.fixture
def worker():
    """A process that works for some seconds, leads a session of its own, and is ended with the test."""
    started = []

    def start(seconds: float) -> tuple[subprocess.Popen, ProcessTree]:
        argv = [sys.executable, "-c", WORK_THEN_REST.format(seconds=seconds)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        tree = ProcessTree()
        tree.add_root(process.pid)
        return process, tree

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_rest_comes_when_the_work_is_done(worker):
    process, tree = worker(1.5)
    assert process.stdout.readline() == "resting\n"
    assert wait_until(IdleDetector(tree).is_idle, 60)


def test_there_is_no_rest_in_the_middle_of_work(worker):
    """However little of a CPU the work gets: others keep each of them busy."""
    others = [worker(60) for _ in range(2 * (os.cpu_count() or 1))]
    _, tree = worker(60)
    assert not wait_until(IdleDetector(tree).is_idle, 2)
    assert all(process.poll() is None for process, _ in others)


def test_those_that_are_gone_rest(worker):
    process, tree = worker(60)
    process.kill()
    process.wait()
    assert wait_until(IdleDetector(tree).is_idle, 60)
