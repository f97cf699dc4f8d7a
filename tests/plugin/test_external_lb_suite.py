"""The suite of external_lb_dp, run as a trial runs it, on the stub engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.pytest_plugin.launch import Launch

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "scenarios" / "external_lb_dp" / "test_external_lb_dp.py"
TESTS = ("server_info", "single_completion", "completion_streaming", "teardown")
CELLS = [f"test_external_lb_{test}[{count}]" for count in (1, 4) for test in TESTS]
OF_ONE = CELLS[:4]

RunSuite = "Callable[..., list[dict[str, Any]]]"


@pytest.fixture
def run_suite(tmp_path: Path, stub_launch: Callable[..., Launch]) -> RunSuite:
    """A function: fault, cells (None: all), fields of Launch -> the events that were streamed."""

    def run(fault: str = "", cells: list[str] | None = None, **fields: object) -> list[dict[str, Any]]:
        launch = tmp_path / "launch.json"
        launch.write_text(stub_launch(fault, **fields).model_dump_json())
        report = tmp_path / "stream.jsonl"
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "bisect_tool" / "stream"), str(ROOT))),
            "BISECT_RUN_REPORT": str(report),
            "BISECT_RUN_LAUNCH": str(launch),
            **({} if cells is None else {"BISECT_RUN_CELLS": json.dumps(cells)}),
        }
        plugins = ("-p", "no:cacheprovider", "-p", "bisect_stream", "-p", "bisect_tool.pytest_plugin")
        command = (sys.executable, "-B", "-m", "pytest", "-q", *plugins, "-c", os.devnull, str(SUITE))
        subprocess.run(command, env=env, cwd=tmp_path, check=False, timeout=120, capture_output=True)
        return [json.loads(line) for line in report.read_text().splitlines()]

    return run


def outcomes(events: list[dict[str, Any]]) -> dict[str, str]:
    """`passed`, or the first phase that did not: `setup failed`."""
    found: dict[str, str] = {}
    for event in events:
        if event["event"] == "phase" and found.get(event["cell"], "passed") == "passed":
            passed = event["outcome"] == "passed"
            found[event["cell"]] = "passed" if passed else f"{event['phase']} {event['outcome']}"
    return found


def failures(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == "phase" and event["outcome"] == "failed"]


def test_all_cells_pass_all_of_one_first(run_suite: RunSuite):
    events = run_suite()
    assert events[0]["event"] == "collected"
    assert events[0]["cells"] == CELLS
    assert [event["cell"] for event in events if event["event"] == "start"] == CELLS
    assert outcomes(events) == dict.fromkeys(CELLS, "passed")
    assert (events[-1]["event"], events[-1]["exit"]) == ("finish", 0)


def test_the_teardown_alone_makes_no_request(run_suite: RunSuite, tmp_path: Path):
    events = run_suite(cells=[CELLS[-1]])
    assert outcomes(events) == {CELLS[-1]: "passed"}
    logs = list((tmp_path / "logs").glob("*.log"))
    assert sorted(log.name for log in logs) == ["4-rank0.log", "4-rank1.log"]
    assert not any("POST" in log.read_text() for log in logs)


def test_each_completion_cell_asks_every_rank_as_often(run_suite: RunSuite, tmp_path: Path):
    events = run_suite(cells=[CELLS[1], CELLS[2]])
    assert outcomes(events) == {CELLS[1]: "passed", CELLS[2]: "passed"}
    asked = [log.read_text().count("POST") for log in sorted((tmp_path / "logs").glob("*.log"))]
    assert asked == [(1 + 2 * 25) * 3] * 2  # once in one piece; once in one piece and once streamed


def test_the_teardown_runs_last_in_whatever_subset(run_suite: RunSuite):
    events = run_suite(cells=[CELLS[7], CELLS[3], CELLS[0]])
    assert [event["cell"] for event in events if event["event"] == "start"] == [CELLS[0], CELLS[3], CELLS[7]]


@pytest.mark.parametrize(
    ("fault", "red"),
    [
        ("miscounts", [OF_ONE[0]]),
        ("says-nothing", [OF_ONE[1], OF_ONE[2]]),
        ("stops-streaming", [OF_ONE[2]]),
        ("complains-at-exit", [OF_ONE[3]]),
        ("leak-warning", [OF_ONE[3]]),
        ("exits-7", [OF_ONE[3]]),
    ],
)
def test_a_fault_turns_its_own_cells_red(run_suite: RunSuite, fault: str, red: list[str]):
    # To the root alone, so that how the launcher ends is decided by its exit status.
    events = run_suite(fault, OF_ONE, sigterm="root")
    expected = {cell: "call failed" if cell in red else "passed" for cell in OF_ONE}
    assert outcomes(events) == expected
    assert all(event["logs"] == ["1-rank0.log", "1-rank1.log"] for event in failures(events))
    assert all(event["window"][0] < event["window"][1] for event in failures(events))


def test_survivors_turn_the_teardown_red(run_suite: RunSuite):
    events = run_suite("root-leaves-child", [OF_ONE[3]], teardown_s=1)
    (failure,) = failures(events)
    assert (failure["cell"], failure["phase"], failure["hint"]) == (OF_ONE[3], "call", None)
    assert "stub_engine.py" in failure["failure"]["message"]


def test_servers_that_fail_turn_every_cell_of_their_group_red_with_the_evidence(run_suite: RunSuite):
    events = run_suite("exits-at-start", OF_ONE, rank=1)
    assert outcomes(events) == dict.fromkeys(OF_ONE, "setup failed")
    seen = failures(events)
    assert {event["failure"]["exception"].rpartition(".")[2] for event in seen} == {"ServersFailed"}
    assert len({json.dumps([event["logs"], event["window"], event["hint"]]) for event in seen}) == 1
    assert seen[-1]["logs"] == ["1-rank0.log", "1-rank1.log"]
    assert seen[-1]["failure"]["message"].startswith("Server exited unexpectedly: rank 1, exit status 1")


def test_a_hang_and_the_machines_own_faults_are_hinted(run_suite: RunSuite):
    (hang,) = failures(run_suite("never-ready", [OF_ONE[0]], ready_s=1))
    assert hang["hint"] == "hung"
    (blocked, *_) = failures(run_suite(cells=[OF_ONE[0]], command=["/no-such-program"]))[-1:]
    assert blocked["hint"] == "infrastructure"
