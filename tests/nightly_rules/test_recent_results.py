"""A cell's results at the newest commits."""

from nights import COMMITS, cell, nights

from bisect_tool.nightly_rules.history import History
from bisect_tool.nightly_rules.recent_results import recent

POSITIONS = History(COMMITS).positions


def runs(observations):
    found = recent(observations, POSITIONS)[cell()]
    return [(each.commit, len(each.passed), len(each.failed)) for each in found]


def test_commits_at_which_nothing_ran_are_left_out():
    assert runs(nights("P M FP I F")) == [("c0", 1, 0), ("c2", 1, 1), ("c3", 0, 0), ("c4", 0, 1)]


def test_cell_that_never_failed_is_left_out():
    assert recent(nights("P P P"), POSITIONS) == {}


def test_only_the_newest_commits_count(monkeypatch):
    monkeypatch.setattr("bisect_tool.nightly_rules.recent_results._COMMITS", 2)
    assert runs(nights("F P P F P")) == [("c3", 0, 1), ("c4", 1, 0)]
    assert recent(nights("F P P"), POSITIONS) == {}
