"""The results of cells that the stream does not mention."""

from __future__ import annotations

import json

import pytest

from bisect_tool.trial.cell_outcomes import SuiteExit, collect


@pytest.fixture
def collected_results(tmp_path):
    """A function: collected cells, requested cells -> outcomes and reasons if only the first cell ran."""

    def read(collected, wanted):
        first = {"cell": collected[0], "time": 2.0}
        events = (
            {"event": "collected", "cells": collected, "time": 1.0},
            {"event": "start", **first},
            {"event": "phase", "phase": "call", "outcome": "passed", "seconds": 0.1, **first},
            {"event": "phase", "phase": "teardown", "outcome": "passed", "seconds": 0.0, **first},
        )
        (tmp_path / "stream").write_text("".join(f"{json.dumps(event)}\n" for event in events))
        cells = collect(tmp_path / "stream", tmp_path / "logs", {}, SuiteExit("exited", 3.0), wanted)
        return [(cell.cell, cell.outcome, cell.reason) for cell in cells]

    return read


def test_no_cell_requested_reports_the_collected_ones(collected_results):
    assert collected_results(["a", "b"], None) == [
        ("a", "passed", ""),
        ("b", "errored", "did not run: pytest ended before it"),
    ]


def test_requested_cell_missing_in_the_commit_is_errored(collected_results):
    """Otherwise a planner that waits for its result would request it forever."""
    reason = "there is no such test at this commit"
    assert collected_results(["a"], ("gone", "a")) == [("a", "passed", ""), ("gone", "errored", reason)]
