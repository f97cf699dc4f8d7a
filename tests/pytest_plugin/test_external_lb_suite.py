"""The suite of external_lb_dp, run as a trial runs it, on the stub engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from suite_runs import ROOT, failures, outcomes, run_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bisect_tool.pytest_plugin.launch import Launch

SUITE = ROOT / "scenarios" / "external_lb_dp" / "test_external_lb_dp.py"
TESTS = ("server_info", "single_completion", "completion_streaming", "teardown")
CELLS = [f"test_external_lb_{test}[{count}]" for count in (1, 4) for test in TESTS]
OF_ONE = CELLS[:4]

Run = "Callable[..., list[dict[str, Any]]]"


@pytest.fixture
def run(tmp_path: Path, stub_launch: Callable[..., Launch]) -> Run:
    """A function: fault, cells (None: all), fields of Launch -> the events that were streamed."""

    def run_it(fault: str = "", cells: list[str] | None = None, **fields: object) -> list[dict[str, Any]]:
        return run_suite(SUITE, stub_launch(fault, **fields), tmp_path, cells)

    return run_it


def test_all_cells_pass_all_of_one_first(run: Run):
    events = run()
    assert events[0]["event"] == "collected"
    assert events[0]["cells"] == CELLS
    assert [event["cell"] for event in events if event["event"] == "start"] == CELLS
    assert outcomes(events) == dict.fromkeys(CELLS, "passed")
    assert (events[-1]["event"], events[-1]["exit"]) == ("finish", 0)


def test_teardown_alone_makes_no_request(run: Run, tmp_path: Path):
    events = run(cells=[CELLS[-1]])
    assert outcomes(events) == {CELLS[-1]: "passed"}
    logs = list((tmp_path / "logs").glob("*.log"))
    assert sorted(log.name for log in logs) == ["4-rank0.log", "4-rank1.log"]
    assert not any("POST" in log.read_text() for log in logs)


def test_after_the_last_cell_nothing_is_waited_for(run: Run, tmp_path: Path):
    """The servers ignore SIGTERM: stopped one after another, they would take two minutes."""
    events = run("ignores-sigterm", [CELLS[0]], teardown_s=60)
    assert outcomes(events) == {CELLS[0]: "passed"}
    call, teardown = [event["time"] for event in events if event["event"] == "phase"][-2:]
    assert teardown - call < 60


def test_each_completion_cell_sends_equal_requests_to_every_rank(run: Run, tmp_path: Path):
    events = run(cells=[CELLS[1], CELLS[2]])
    assert outcomes(events) == {CELLS[1]: "passed", CELLS[2]: "passed"}
    asked = [log.read_text().count("POST") for log in sorted((tmp_path / "logs").glob("*.log"))]
    assert asked == [(1 + 2 * 25) * 3] * 2  # once in one piece; once in one piece and once streamed


def test_teardown_runs_last_in_any_subset(run: Run):
    events = run(cells=[CELLS[7], CELLS[3], CELLS[0]])
    assert [event["cell"] for event in events if event["event"] == "start"] == [CELLS[0], CELLS[3], CELLS[7]]


@pytest.mark.parametrize(
    ("fault", "red"),
    [
        ("miscounts", [OF_ONE[0]]),
        ("empty-text", [OF_ONE[1], OF_ONE[2]]),
        ("stops-streaming", [OF_ONE[2]]),
        ("complains-at-exit", [OF_ONE[3]]),
        ("leak-warning", [OF_ONE[3]]),
        ("exits-7", [OF_ONE[3]]),
    ],
)
def test_fault_fails_its_own_cells(run: Run, fault: str, red: list[str]):
    # Only to the root, so that the launcher's exit status is tested.
    events = run(fault, OF_ONE, sigterm="root")
    expected = {cell: "call failed" if cell in red else "passed" for cell in OF_ONE}
    assert outcomes(events) == expected
    assert all(event["logs"] == ["1-rank0.log", "1-rank1.log"] for event in failures(events))
    assert all(event["window"][0] < event["window"][1] for event in failures(events))


def test_survivors_fail_the_teardown(run: Run):
    events = run("root-leaves-child", [OF_ONE[3]], teardown_s=1)
    (failure,) = failures(events)
    assert (failure["cell"], failure["phase"], failure["hint"]) == (OF_ONE[3], "call", None)
    assert "stub_engine.py" in failure["failure"]["message"]


def test_failed_servers_fail_every_cell_of_their_group_with_evidence(run: Run):
    events = run("exits-at-start", OF_ONE, rank=1)
    assert outcomes(events) == dict.fromkeys(OF_ONE, "setup failed")
    seen = failures(events)
    assert {event["failure"]["exception"].rpartition(".")[2] for event in seen} == {"ServersFailed"}
    assert len({json.dumps([event["logs"], event["window"], event["hint"]]) for event in seen}) == 1
    assert seen[-1]["logs"] == ["1-rank0.log", "1-rank1.log"]
    assert seen[-1]["failure"]["message"].startswith("Server exited unexpectedly: rank 1, exit status 1")


def test_hang_and_machine_faults_have_hints(run: Run):
    (hang,) = failures(run("never-ready", [OF_ONE[0]], ready_s=1))
    assert hang["hint"] == "hung"
    (blocked, *_) = failures(run(cells=[OF_ONE[0]], command=["/no-such-program"]))[-1:]
    assert blocked["hint"] == "infrastructure"
