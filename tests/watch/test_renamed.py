"""A watch that was renamed is noticed before its causes are reported again."""

import pytest

from bisect_tool.mode import Bisect
from bisect_tool.request import Request, SuiteCheck, Watched
from bisect_tool.results.nightly import CellStatus, NightlyCell
from bisect_tool.watch.past_sessions import PastSession
from bisect_tool.watch.renamed import other_names

CELL = NightlyCell(series="new", job="gpu", cell="a", status=CellStatus.NEW, reason="r", sentence="S.")


def bisected(watch, cell="a"):
    mark = Watched(name=watch, cells=((watch, "gpu", "", cell, ""),))
    request = Request(mode=Bisect(goods=("g",)), repo="/r", bad="b", check=SuiteCheck(), watched=mark)
    return PastSession("20260306-101500-1a2b", request, (), None, running=False)


def test_another_watch_that_bisected_a_new_cell_is_named():
    (said,) = other_names("new", {"new"}, [CELL], [bisected("old"), bisected("old")])
    assert said.startswith("watch old bisected cells that are new here (20260306-101500-1a2b): ")


@pytest.mark.parametrize(
    ("tonight", "cells", "past"),
    [
        ({"new"}, [CELL], [bisected("new")]),
        ({"new", "old"}, [CELL], [bisected("old")]),
        ({"new"}, [CELL], [bisected("old", "b")]),
        ({"new"}, [], [bisected("old")]),
    ],
    ids=["itself", "a watch of tonight", "other cells", "nothing new"],
)
def test_no_other_watch_is_named(tonight, cells, past):
    assert list(other_names("new", tonight, cells, past)) == []
