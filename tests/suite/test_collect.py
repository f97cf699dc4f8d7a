"""What a trial says of cells that its stream does not speak of."""

from __future__ import annotations

import json

import pytest

from bisect_tool.trial.collect import SuiteExit, collect


@pytest.fixture
def told(tmp_path):
    """The outcomes and reasons of a suite that collected these cells and ran the first of them."""

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


def test_what_was_not_asked_for_by_name_is_what_was_collected(told):
    assert told(["a", "b"], None) == [
        ("a", "passed", ""),
        ("b", "errored", "did not run: pytest ended before it"),
    ]


def test_a_cell_that_the_commit_does_not_have_has_a_result_as_well(told):
    """Or a planner that waits for one would ask for ever."""
    reason = "there is no such test at this commit"
    assert told(["a"], ("gone", "a")) == [("a", "passed", ""), ("gone", "errored", reason)]
