"""A cell that passes and fails since a known culprit."""

import pytest
from nights import A, decided, known, nights

from bisect_tool.nightly_rules.decision import Nothing, Rate
from bisect_tool.nightly_rules.reason import Reason

FOUND = known("c4", "c6", culprits={A: "c5"})


def red(failed, runs):
    return Nothing(Reason.STILL_RED, "c5", "c6", Rate(failed, runs))


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("P P P P P M FFP", red(2, 3)),
        ("P P P P P M FFP F", red(3, 4)),
        ("P P P P P M FFP P", red(2, 3)),
        ("P P P P P M FFP P FP", red(3, 6)),
        ("P P P P P M FFP P P P", Nothing(Reason.FIXED, "c5", "c7", last_red="c6")),
        ("P P P P P M FFP P P P P P", Nothing(Reason.FIXED, "c5", "c7", last_red="c6")),
        ("P P P P P M FFP P P P P P P", Nothing(Reason.FLAKY, rate=Rate(2, 14))),
    ],
)
def test_cell_is_red_until_its_passes_show_a_fix(outcomes, expected):
    assert decided(nights(outcomes), [FOUND]) == expected


@pytest.mark.parametrize(
    ("outcomes", "bisection"),
    [
        ("P P P P P M FFP P P P P P FP", FOUND),
        ("P P P P P M FFP", known("c4", "c6", culprits={A: "c9"})),
        ("P P P P P M FFP", known("c4", "c6", culprits={A: "elsewhere"})),
        ("P P P P P M FFP", known("c4", "c6", exception="OSError", culprits={A: "c5"})),
        ("P P P P P M FFP", known("c4", "c6")),
        ("P P FP P P", known("c4", "c6", culprits={A: "c5"})),
    ],
    ids=["fixed before", "newer culprit", "of another branch", "another failure", "no culprit", "before it"],
)
def test_cell_without_a_culprit_is_flaky(outcomes, bisection):
    assert decided(nights(outcomes), [bisection]).reason is Reason.FLAKY
