"""Reruns of commits that had run often, or had started to fail, before a newer commit failed."""

import pytest
from nights import HOSTS, decided, nights, reruns

from bisect_tool.nightly_rules.decision import Bisect, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason

QUIET = "P P P P PPPPPPP"
"""Seven nights without a new commit."""


def test_nights_without_a_new_commit_do_not_count_as_reruns():
    found = decided(nights(f"{QUIET} FF F"))
    assert isinstance(found, Rerun)
    assert Runs("c4", 1) in found.runs
    assert isinstance(decided([*nights(f"{QUIET} FFF F"), *reruns(4, "P")]), Bisect)


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ("", Rerun(Reason.NO_PASS_SINCE, (Runs("c3", 1),), ())),
        ("F", Wait(Reason.ENVIRONMENT)),
    ],
)
def test_good_end_that_started_to_fail_before_is_rerun(again, expected):
    trials = nights("P P P PFF F F F", hosts=HOSTS[:1])
    assert decided([*trials, *reruns(3, again, host="h0")]) == expected


def test_good_end_that_passes_again_was_flaky():
    assert decided([*nights("P P P PFF F"), *reruns(3, "P")]).reason is Reason.FLAKY


def test_two_failures_of_a_flaky_good_end_are_chance():
    assert decided(nights("PF PF PF PFF F")).reason is Reason.FLAKY
