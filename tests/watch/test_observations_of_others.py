"""Results of others have to be of the history that is looked at."""

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.nightly.history import History
from bisect_tool.sources.observation import CellKey, Observation, State
from bisect_tool.watch.observations_of_others import require_commits_of

HISTORY = History(("a" * 40, "b" * 40))


def result(commit):
    return Observation(CellKey("nightly", "gpu"), commit, "1", "1", State.PASSED)


def test_results_at_no_commit_of_the_history_are_an_error():
    found = [result(each * 40) for each in "ccdef"]
    with pytest.raises(UsageError) as caught:
        require_commits_of(HISTORY, found, "origin/\x1b[31mmain")
    assert caught.value.message == (
        "none of 5 results is of a commit in the history of origin/main; "
        "they are of ccccccccc, ddddddddd, eeeeeeeee and 1 more"
    )
    assert caught.value.hint == "Fetch the repository, and check --ref and --branch."


def test_one_result_of_the_history_is_enough():
    require_commits_of(HISTORY, [result("c" * 40), result("b" * 40)], "main")
