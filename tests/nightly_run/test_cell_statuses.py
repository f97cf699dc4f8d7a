"""The cells of a night: their status, and their sentence if the cause was found tonight."""

import pytest

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.json_document.nightly import CommitRuns
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.nightly_rules.decision import Nothing
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.timeline import CommitTrials
from bisect_tool.nightly_run.cell_statuses import cells

KEY = CellKey("w", "gpu", "", "a")
FOUND = Nothing(Reason.STILL_RED, culprit="c5", since="c5")
CANDIDATES = Nothing(Reason.BISECTED, since="c5", candidates=("c5", "c6"))


@pytest.mark.parametrize(
    ("decision", "new", "status", "sentence"),
    [
        (FOUND, {"c5"}, CellStatus.NEW, "Its culprit was found tonight."),
        (FOUND, {"c4"}, CellStatus.STILL_RED, "Its culprit is already known."),
        (
            CANDIDATES,
            {"c6", "c5"},
            CellStatus.NEW,
            "Its range was bisected tonight; several candidates remain.",
        ),
        (
            CANDIDATES,
            {"c5"},
            CellStatus.STILL_RED,
            "Its range was already bisected; several candidates remain.",
        ),
        (Nothing(Reason.OTHER_FAILURE, "c5", "c5"), {"c5"}, CellStatus.NEW, Reason.OTHER_FAILURE.sentence),
        (Nothing(Reason.NO_CULPRIT), set(), CellStatus.STILL_RED, Reason.NO_CULPRIT.sentence),
    ],
)
def test_cell_is_new_if_its_cause_was_found_tonight(decision, new, status, sentence):
    (found,) = cells({KEY: decision}, [frozenset(new)], {})
    assert (found.status, found.sentence) == (status, sentence)


def test_cell_has_its_runs_at_the_newest_commits():
    trials = tuple(
        Observation(KEY, "c5", "b", str(number), state)
        for number, state in enumerate((State.PASSED, State.FAILED, State.FAILED, State.INFRASTRUCTURE))
    )
    (found,) = cells({KEY: FOUND}, [], {KEY: (CommitTrials(5, "c5", trials),)})
    assert found.recent == (CommitRuns(commit="c5", passed=1, failed=2),)
