"""Results at commits that the history lacks."""

from datetime import UTC, datetime, timedelta

import pytest

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.nightly_run.unknown_commits import is_behind, unknown_commits

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def results(commits, state=State.PASSED):
    return [
        Observation(CellKey("nightly", "gpu"), commit, "1", "1", state, finished=DAY + timedelta(days=day))
        for day, commit in enumerate(commits)
    ]


def test_each_commit_that_the_history_lacks_is_listed_once():
    assert unknown_commits(results("aXbXY"), {"a", "b"}) == ("X", "Y")


@pytest.mark.parametrize(
    ("commits", "behind"),
    [("abXYZ", True), ("XYZab", False), ("abXY", False), ("XYaZ", False), ("aXXX", False)],
)
def test_clone_is_behind_without_the_newest_commits(commits, behind):
    assert is_behind(results(commits), {"a", "b"}) is behind


def test_commits_without_a_result_yet_do_not_count():
    assert not is_behind([*results("ab"), *results("XYZ", State.PENDING)], {"a", "b"})
