"""A watch that was renamed keeps the results of its earlier names."""

import pytest

from bisect_tool.checks import SuiteCheck
from bisect_tool.mode import Bisect
from bisect_tool.nightly_run.former_names import former_names, renamed
from bisect_tool.nightly_run.past_sessions import PastSession, is_about
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.watches import Watch
from bisect_tool.request import Request, Watched

CELL = ("gpu", "", "a", "")


def bisected(watch, cell="a"):
    mark = Watched(name=watch, cells=((watch, "gpu", "", cell, ""),), exception="E") if watch else None
    request = Request(mode=Bisect(goods=("g",)), repo="/r", bad="b", check=SuiteCheck(), watched=mark)
    return PastSession(f"of {watch}", request, (), None, running=False)


def former(past, beside=("new",)):
    watch = Watch("new", NightlyOptions(), frozenset(beside))
    return former_names(watch, past, lambda each: is_about(each, {CELL}))


def test_names_of_watches_with_the_same_cells_are_former_names():
    assert former([bisected("oldest"), bisected("old"), bisected("oldest")]) == ("oldest", "old")


@pytest.mark.parametrize(
    "past",
    [
        [bisected("old", "another cell")],
        [bisected("old"), bisected("new"), bisected("old", "another cell")],
        [bisected("new"), bisected("old")],
        [bisected("new")],
        [bisected("")],
    ],
    ids=["other cells", "still in use", "started later", "itself", "run by hand"],
)
def test_other_names_are_no_former_names(past):
    assert former(past) == ()


def test_name_that_another_watch_of_the_file_has_is_no_former_one():
    assert former([bisected("old")], beside=("new", "old")) == ()


def test_former_name_is_kept_when_the_watch_has_its_own_sessions():
    assert former([bisected("old"), bisected("new"), bisected("new")]) == ("old",)


def test_sessions_of_former_names_are_those_of_the_watch():
    past = [bisected("old"), bisected("new"), bisected("other"), bisected("")]
    found = renamed(past, ("old",), "new")
    assert [each.watch for each in found] == ["new", "new", "other", ""]
    assert found[0].id == "of old"
    assert found[0].request.watched == Watched(name="new", cells=(("new", *CELL),), exception="E")
    assert found[1:] == tuple(past[1:])
