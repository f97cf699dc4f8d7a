"""Failure chains of red cells: of the newest run, one for each signature, before any bisection."""

from datetime import UTC, datetime

import pytest

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.json_document.nightly import NightlyCell
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.nightly_run.failures import failures

LOG = """\
(EngineCore_DP0 pid=7) ERROR 03-06 10:00:01 [core.py:1] ValueError: bad rank
(APIServer pid=8) ERROR 03-06 10:00:02 [api.py:2] RuntimeError: engine core died
"""
OLD, NEW, ELSEWHERE = "a" * 40, "b" * 40, "c" * 40
POSITIONS = {OLD: 0, NEW: 1}


def failure(text=LOG):
    lines = (LogLine("https://ci/log", 0.0, line, number) for number, line in enumerate(text.split("\n"), 1))
    return explain_log(lines)[0].failure


def observed(cell, commit=NEW, found=None, hour=0):
    ended = datetime(2026, 3, 6, hour, tzinfo=UTC)
    key = CellKey("w", "gpu", "", cell)
    return Observation(key, commit, "1", "a", State.FAILED, finished=ended, failure=found or failure())


def cell(name, status=CellStatus.UNDECIDED):
    return NightlyCell(series="w", job="gpu", cell=name, status=status, reason="r", sentence="S.")


def test_cells_with_one_signature_have_one_chain():
    other = failure("OSError: disk")
    seen = [observed("c", found=other), observed("a"), observed("b")]
    first, second = failures([cell("a"), cell("b"), cell("c")], seen, POSITIONS)
    assert (first.cells, first.sha, first.root.headline) == (("a", "b"), NEW, "ValueError: bad rank")
    assert [event.headline for event in first.chain] == [
        "ValueError: bad rank",
        "RuntimeError: engine core died",
    ]
    assert (first.root.source, first.root.line) == ("https://ci/log", 1)
    assert second.cells == ("c",)


def test_the_newest_failure_counts():
    older, newer = failure("OSError: disk"), failure("KeyError: rank")
    seen = [observed("a", found=newer, hour=2), observed("a", found=older, hour=1), observed("a", OLD)]
    (found,) = failures([cell("a")], seen, POSITIONS)
    assert found.root.headline == "KeyError: rank"


@pytest.mark.parametrize(
    ("status", "number"),
    [
        (CellStatus.NEW, 1),
        (CellStatus.STILL_RED, 1),
        (CellStatus.BORN_RED, 1),
        (CellStatus.UNDECIDED, 1),
        (CellStatus.GREEN, 0),
        (CellStatus.FLAKY, 0),
        (CellStatus.FIXED, 0),
    ],
)
def test_only_red_cells_have_one(status, number):
    assert len(failures([cell("a", status)], [observed("a")], POSITIONS)) == number


def test_cell_whose_cause_shows_it_has_none():
    assert failures([cell("a")], [observed("a")], POSITIONS, {"a"}) == ()


def test_commit_outside_the_history_has_none():
    assert failures([cell("a")], [observed("a", ELSEWHERE)], POSITIONS) == ()
