"""CI results in a real history: which of them are evidence about a range, and at which commits."""

import pytest
from real_projects import Project

from bisect_tool.git import Repository
from bisect_tool.mode import Bisect, ObservedRuns
from bisect_tool.search.counted_runs import Count
from bisect_tool.search.earlier_runs import EarlierRuns
from bisect_tool.session.earlier_runs import earlier_runs

GOOD, BAD = 5, 8
"""Places of the ends in a line of 14 commits."""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    project = Project(folder / "project")
    line = [project.commit(f"change {place}") for place in range(14)]
    project.git("checkout", "-q", "-b", "beside", line[6])
    return Repository.open(str(project.path), folder / "cache"), line, project.commit("beside")


def assigned(history, runs, find="regression"):
    """The runs assigned to a cell, as (index or sha, passed, failed), in a range."""
    repository, line, _ = history
    shas = [(line[place] if isinstance(place, int) else place, *counts) for place, *counts in runs]
    observations = tuple(ObservedRuns(cell="a", commit=sha, passed=p, failed=f) for sha, p, f in shas)
    mode = Bisect(goods=(line[GOOD],), find=find, observations=observations)
    found = earlier_runs(mode, line[BAD], repository.range([line[GOOD]], line[BAD]), repository)
    return found["a"]


def test_runs_in_the_range_and_at_its_ends_stay_at_their_commits(history):
    _, line, _ = history
    found = assigned(history, [(GOOD, 1, 0), (7, 2, 1), (7, 1, 0), (BAD, 0, 1)])
    at = {line[GOOD]: Count(0, 1), line[7]: Count(1, 3), line[BAD]: Count(1, 0)}
    assert found == EarlierRuns(tuple(sorted(at.items())))


def test_runs_around_the_range_are_summed(history):
    nights = [(0, 1, 0), (2, 3, 1), (10, 0, 1), (11, 1, 0), (12, 0, 2), (13, 1, 0)]
    assert assigned(history, nights) == EarlierRuns(before=Count(1, 4), after=Count(3, 2))


def test_runs_outside_the_history_and_at_unknown_commits_are_ignored(history):
    assert assigned(history, [(history[2], 9, 0), ("0" * 40, 0, 9)]) == EarlierRuns()


def test_passes_after_a_fix_are_ignored(history):
    nights = [(BAD, 0, 3), (9, 1, 1), (10, 0, 3), (11, 5, 0), (13, 5, 0)]
    assert assigned(history, nights).after == Count(4, 1)


def test_passes_after_a_single_failure_are_no_fix(history):
    """The results of a failure that occurs in one run of five look like this."""
    assert assigned(history, [(BAD, 0, 1), (10, 1, 0), (11, 1, 0), (13, 2, 0)]).after == Count(0, 4)


def test_before_a_fix_runs_count_from_the_first_failure(history):
    nights = [(0, 9, 0), (2, 0, 1), (3, 1, 0), (4, 0, 2), (GOOD, 0, 1), (9, 1, 0), (13, 3, 1)]
    found = assigned(history, nights, find="fix")
    assert found == EarlierRuns(((history[1][GOOD], Count(1, 0)),), Count(3, 1), Count(1, 4))


def test_repository_is_not_read_without_observations(history):
    mode = Bisect(goods=("0" * 40,))
    assert earlier_runs(mode, "1" * 40, None, None) == {}
