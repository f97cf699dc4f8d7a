"""Run a scenario's suite as a trial does, and read its streamed report."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bisect_tool.suite.launch import Launch

ROOT = Path(__file__).parents[2]
FIXTURES = "bisect_tool.suite.fixtures"
LIMIT_S = 120
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["pytest", FIXTURES])


def run_suite(
    suite: Path, launch: Launch, folder: Path, cells: list[str] | None = None
) -> list[dict[str, Any]]:
    """The events that were streamed; None: all cells.

    Each run is a process forked from one that has imported pytest and the fixtures, which takes a second.
    A start by `exec` is tested by the demo in tests/cli.
    """
    (folder / "launch.json").write_text(launch.model_dump_json())
    report = folder / "stream.jsonl"
    env = {
        **os.environ,
        "BISECT_RUN_REPORT": str(report),
        "BISECT_RUN_LAUNCH": str(folder / "launch.json"),
        **({} if cells is None else {"BISECT_RUN_CELLS": json.dumps(cells)}),
    }
    run = FORKED.Process(target=run_pytest, args=(suite, folder, env))
    run.start()
    run.join(LIMIT_S)
    if run.is_alive():
        run.kill()
        raise TimeoutError(f"the suite still runs after {LIMIT_S} s")
    return [json.loads(line) for line in report.read_text().splitlines()]


def run_pytest(suite: Path, folder: Path, env: dict[str, str]) -> None:
    import pytest

    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT / "bisect_tool" / "suite" / "stream"))
    plugins = ("-p", "no:cacheprovider", "-p", "bisect_stream", "-p", FIXTURES)
    sys.exit(pytest.main(["-q", *plugins, "-c", os.devnull, str(suite)]))


def outcomes(events: list[dict[str, Any]]) -> dict[str, str]:
    """`passed`, or the first phase that did not: `setup failed`."""
    found: dict[str, str] = {}
    for event in events:
        if event["event"] == "phase" and found.get(event["cell"], "passed") == "passed":
            passed = event["outcome"] == "passed"
            found[event["cell"]] = "passed" if passed else f"{event['phase']} {event['outcome']}"
    return found


def failures(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The phases that failed."""
    return [event for event in events if event["event"] == "phase" and event["outcome"] == "failed"]
