"""A cell that still fails after its culprit was reverted."""

import pytest
from nights import COMMITS, A, known, nights, reruns

from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Rerun, Runs
from bisect_tool.nightly_rules.reason import Reason

FOUND = known("c4", "c5", culprits={A: "c5"})
STILL_RED = nights("P P P P P FFF F M FFF F")
"""c7, the revert of c5, did not run."""


def decided(trials, **reverts):
    return decide(trials, COMMITS, [FOUND], reverts=reverts)[A]


def test_revert_is_run():
    found = decided(STILL_RED, c5="c7")
    assert isinstance(found, Rerun)
    assert (found.reason, found.runs) == (Reason.REVERTED, (Runs("c7", 1),))


@pytest.mark.parametrize("reverts", [{}, {"c5": "c20"}, {"c1": "c7"}], ids=["none", "newer", "of another"])
def test_culprit_is_kept_without_a_revert_before_the_failure(reverts):
    assert decided(STILL_RED, **reverts).reason is Reason.STILL_RED


def test_revert_that_fails_keeps_the_culprit():
    assert decided([*STILL_RED, *reruns(7, "F")], c5="c7").reason is Reason.STILL_RED


def test_revert_that_passes_starts_a_new_range():
    found = decided([*STILL_RED, *reruns(7, "PP")], c5="c7")
    assert isinstance(found, Bisect)
    assert (found.good, found.bad) == ("c7", "c8")
