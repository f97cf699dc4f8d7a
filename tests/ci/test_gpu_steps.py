"""The steps of the GPU check, on a simulated device whose memory is held by living processes."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from test_gpu_check import DOCUMENT, MIB, gpu_steps

SIZE = 64 * MIB
HOLDER = """
import os, pathlib, signal, sys, time
if sys.argv[2:]: signal.signal(signal.SIGTERM, signal.SIG_IGN)
written = pathlib.Path(f"{sys.argv[1]}.new")
written.write_text(str(os.getpid()))
written.rename(sys.argv[1])
print("holding", flush=True)
time.sleep(60)
"""


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A device on which the process that wrote its pid to a file holds memory while it lives."""
    pid = tmp_path / "pid"
    monkeypatch.setattr(gpu_steps, "LIMIT_S", 20.0)

    def used():
        try:
            state = Path(f"/proc/{pid.read_text()}/stat").read_text().rpartition(") ")[2][0]
        except OSError:
            return 3 * MIB
        return 3 * MIB + (SIZE if state not in "ZX" else 0)

    return used, (sys.executable, "-c", HOLDER, str(pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_release_is_measured_several_times(device, number):
    found = gpu_steps.release(*device, number)
    assert (found.signal, found.held, len(found.seconds)) == (number.name, SIZE, gpu_steps.RUNS)
    assert found.passed
    assert found.median in found.seconds


def test_memory_that_is_not_released_has_no_time(device, monkeypatch):
    used, command = device
    monkeypatch.setattr(gpu_steps, "LIMIT_S", 0.3)
    found = gpu_steps.release(used, (*command, "deaf"), signal.SIGTERM)
    assert (found.seconds, found.median, found.passed) == ((None,) * gpu_steps.RUNS, None, False)


def test_memory_of_a_killed_tool_is_waited_for(device):
    found = gpu_steps.killed_tool(*device, SIZE)
    assert (found.enough, found.held) == (SIZE, SIZE)
    assert found.passed


def test_killed_tool_without_memory_does_not_pass(device):
    used, _ = device
    assert not gpu_steps.killed_tool(used, (sys.executable, "-c", ""), 1).passed


@pytest.mark.parametrize(
    ("second", "slot", "outcome", "passed"),
    [(5, 1, "passed", True), (11, 1, "passed", False), (5, 0, "passed", False), (5, 1, "failed", False)],
)
def test_two_slots_ran_at_the_same_time(second, slot, outcome, passed):
    def trial(seconds, slot, outcome):
        started = f"2026-03-06T10:15:{seconds:02}.000+00:00"
        return DOCUMENT.trials[0].model_copy(
            update={"started": started, "seconds": 10.0, "slot": slot, "outcome": outcome}
        )

    trials = (trial(0, 0, "passed"), trial(second, slot, outcome))
    text = DOCUMENT.model_copy(update={"trials": trials}).to_json()
    found = gpu_steps.two_slots((sys.executable, "-c", f"print({text!r})"), 30.0)
    assert found.outcomes == ("passed", outcome)
    assert found.passed is passed
    assert json.loads(text)["trials"]


def test_tool_without_output_has_no_figures():
    assert gpu_steps.two_slots((sys.executable, "-c", ""), 30.0) is None
    assert gpu_steps.demo_gpu((sys.executable, "-c", ""), "c", 30.0) is None


NO_MEMORY = (
    "Free memory on device cuda:0 (7.42/79.11 GiB) on startup is less than desired GPU memory utilization "
    "(0.45, 35.60 GiB)."
)
LEFT = ("process Worker_DP0_TP0 (pid 7)", "gpu 0: 72908 MiB")
DEMO_GPU = {"exit_code": 0, "root": NO_MEMORY, "prerequisites": ("test_a[1]",), "leftovers": LEFT}


def printed_by_demo_gpu(exit_code, root, prerequisites, leftovers):
    """The example's document, its cell failing after others, on a GPU."""
    ((name, cell),) = [(name, cell) for name, cell in DOCUMENT.cells.items() if cell.culprit]
    use = {"gpu": "0", "before": MIB, "peak": 900 * MIB, "after": MIB}
    found = json.loads(DOCUMENT.to_json())
    found["exit_code"] = exit_code
    found["cells"][name] |= {"prerequisites": prerequisites, "leftovers": leftovers}
    found["trials"][0] |= {"outcomes": {name: "failed"}, "gpu_memory": [use]}
    found["failure"]["root"]["message"] = root
    return json.dumps(found), cell.culprit.sha


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({}, True),
        ({"exit_code": 3}, False),
        ({"root": "died"}, False),
        ({"prerequisites": ()}, False),
        ({"leftovers": LEFT[:1]}, False),
    ],
    ids=["all", "no-culprit", "other-failure", "not-after-others", "no-gpu-memory"],
)
def test_demo_of_gpu_memory(change, passed):
    text, culprit = printed_by_demo_gpu(**{**DEMO_GPU, **change})
    found = gpu_steps.demo_gpu((sys.executable, "-c", f"print({text!r})"), culprit, 30.0)
    assert found.passed is passed
    assert not gpu_steps.demo_gpu((sys.executable, "-c", f"print({text!r})"), "0" * 40, 30.0).passed
    assert found.trials == 1
    if found.prerequisites:
        assert found.leftovers == change.get("leftovers", LEFT)
        assert found.memory == ((MIB, 900 * MIB, MIB),)
