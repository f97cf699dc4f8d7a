"""Run a scenario's suite as a trial does, and read its streamed report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forked_pytest import FIXTURES, run_pytest

if TYPE_CHECKING:
    from bisect_tool.pytest_plugin.launch import Launch

ROOT = Path(__file__).parents[2]
STREAM = ROOT / "bisect_tool" / "pytest_plugin" / "stream"
LIMIT_S = 120


def run_suite(
    suite: Path, launch: Launch, folder: Path, cells: list[str] | None = None
) -> list[dict[str, Any]]:
    """The events that were streamed; None: all cells. The demo in tests/cli starts pytest by `exec`."""
    (folder / "launch.json").write_text(launch.model_dump_json())
    report = folder / "stream.jsonl"
    env = {
        **os.environ,
        "PYTHONPATH": str(STREAM),
        "BISECT_RUN_REPORT": str(report),
        "BISECT_RUN_LAUNCH": str(folder / "launch.json"),
        **({} if cells is None else {"BISECT_RUN_CELLS": json.dumps(cells)}),
    }
    plugins = ("-p", "no:cacheprovider", "-p", "bisect_stream", "-p", FIXTURES)
    folders = ("-c", os.devnull, "--confcutdir", str(suite.parent))
    run_pytest(("-q", *plugins, *folders, str(suite)), folder, env, LIMIT_S)
    return [json.loads(line) for line in report.read_text().splitlines()]


def outcomes(events: list[dict[str, Any]]) -> dict[str, str]:
    """`passed`, or the first phase that failed: `setup failed`."""
    found: dict[str, str] = {}
    for event in events:
        if event["event"] == "phase" and found.get(event["cell"], "passed") == "passed":
            passed = event["outcome"] == "passed"
            found[event["cell"]] = "passed" if passed else f"{event['phase']} {event['outcome']}"
    return found


def failures(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The phases that failed."""
    return [event for event in events if event["event"] == "phase" and event["outcome"] == "failed"]
