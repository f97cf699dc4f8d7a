"""The suite of the scenario `shutdown` on an engine that keeps the contract, or breaks one clause of it."""

from __future__ import annotations

import ctypes
import platform
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from suite_runs import ROOT, failures, outcomes, run_suite

from bisect_tool.pytest_plugin.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.pytest_plugin.launch import Launch

SUITE = ROOT / "scenarios" / "shutdown" / "test_shutdown.py"
ENGINE = Path(__file__).with_name("draining_engine.py")
AT_A_TIME = 4
TGKILL = {"x86_64": 234, "aarch64": 131}[platform.machine()]
BROKEN = [
    ("waits-when-idle", "test_idle[single-timeout_8]", "not gone 7 s after SIGTERM"),
    ("deaf-at-start", "test_during_start_up[single-timeout_0]", "not gone 15 s after SIGTERM"),
    ("exits-3", "test_idle[single-timeout_0]", "exit status 3"),
    ("leaves-its-core", "test_idle[single-timeout_0]", "not gone 7 s after SIGTERM"),
    ("aborts-nothing", "test_in_flight[single-timeout_0]", "still in flight 5 s after SIGTERM"),
    ("gives-no-reason", "test_in_flight[single-timeout_0]", "with no finish reason instead of abort"),
    ("drains-nothing", "test_in_flight[single-timeout_8]", "ended with abort instead of length"),
    ("accepts-more", "test_in_flight[single-timeout_8]", "new requests are accepted 5 s after SIGTERM"),
    ("waits-twice", "test_in_flight[single-timeout_8]", "not gone 15 s after SIGTERM"),
    ("hangs-at-sigint", "test_in_flight[single-timeout_8]", "not gone 15 s after SIGTERM"),
    ("hangs-at-sigint", "test_in_flight[headless-timeout_8]", "not gone 15 s after SIGTERM"),
]
"""A fault, a cell that it turns red, and the text of the failure."""

Run = "Callable[..., list[dict[str, Any]]]"


@pytest.fixture
def run(tmp_path: Path, stub_launch: Callable[..., Launch]) -> Run:
    """A function: cells, fault -> the events that were streamed; several may run at a time."""
    numbers = count()

    def run_it(cells: list[str], fault: str = "") -> list[dict[str, Any]]:
        folder = tmp_path / f"run-{next(numbers)}"
        logs = folder / "logs"
        logs.mkdir(parents=True)
        launch = stub_launch(fault, command=(sys.executable, "-S", str(ENGINE)), teardown_s=1, logs=logs)
        return run_suite(SUITE, launch, folder, cells)

    return run_it


def test_engine_that_keeps_the_contract_passes(run: Run):
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(run, (["*single-*"], ["*headless-*"])))
    for events in ran:
        assert [(failure["cell"], failure["failure"]["message"]) for failure in failures(events)] == []
        assert list(outcomes(events).values()) == ["passed"] * 6


def test_engine_ends_whichever_thread_receives_the_signal():
    """The kernel may choose any thread, such as one that is just being started for a request."""
    with subprocess.Popen([sys.executable, "-S", str(ENGINE), "serve", "tiny", "--port", "0"]) as engine:
        tasks = Path(f"/proc/{engine.pid}/task")
        try:
            assert wait_until(lambda: len(list(tasks.iterdir())) == 2, 60), "it does not serve"
            (server,) = {int(task.name) for task in tasks.iterdir()} - {engine.pid}
            assert ctypes.CDLL(None).syscall(TGKILL, engine.pid, server, signal.SIGTERM) == 0
            assert engine.wait(60) == 0
        finally:
            engine.kill()


def test_each_clause_can_be_broken(run: Run):
    """They run in parallel, because each mostly waits."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ran = list(pool.map(lambda each: failures(run([each[1]], each[0])), BROKEN))
    for (fault, cell, clause), failed in zip(BROKEN, ran, strict=True):
        assert [failure["cell"] for failure in failed] == [cell], fault
        (failure,) = failed
        assert clause in failure["failure"]["message"], fault
        assert (failure["phase"], failure["hint"]) == ("call", None)
        assert all(re.fullmatch(r"\w+-\d-rank\d\.log", name) for name in failure["logs"])


def test_requests_rejected_before_sigterm_are_no_shutdown_failure(run: Run):
    (failure,) = failures(run(["test_in_flight[single-timeout_0]"], "cuts-streams"))
    assert failure["hint"] == "infrastructure"
    assert "requests ended before SIGTERM with no finish reason" in failure["failure"]["message"]


@pytest.mark.parametrize(
    ("fault", "cells", "flag"),
    [
        ("has-no-timeout", "*single-timeout_8*", "--shutdown-timeout"),
        ("has-no-headless", "*headless-timeout_0*", "--headless"),
    ],
)
def test_cells_without_the_flag_at_a_commit_are_skipped(run: Run, fault: str, cells: str, flag: str):
    events = run([cells], fault)
    skipped = [event for event in events if event["event"] == "phase" and event["outcome"] == "skipped"]
    assert [event["reason"] for event in skipped] == [f"this commit has no {flag}"] * 3


def test_without_a_timeout_no_flag_is_needed(run: Run):
    assert set(outcomes(run(["*single-timeout_0*"], "has-no-timeout")).values()) == {"passed"}
