"""A red cell that starts to fail differently: its second failure is bisected separately."""

import pytest
from nights import FIRST, A, decided, known, nights, reruns, time

from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason

CULPRIT = known("c4", "c5", culprits={A: "c5"}, ended=time(6.5))


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (nights("F", start=8, exception="OSError"), Nothing(Reason.OTHER_FAILURE, "c5", "c5")),
        (nights("F F F", start=8), Nothing(Reason.STILL_RED, "c5", "c5")),
        (
            nights("F F", start=8, exception="OSError"),
            Rerun(Reason.TOO_FEW_FAILURES, (Runs("c8", 1), Runs("c6", 1)), ("h0", "h1")),
        ),
        (nights("F F F F", start=8, exception="OSError"), ("c6", "c8", "OSError")),
        (nights("F F F F F F", start=8, exception="OSError"), ("c6", "c8", "OSError")),
        (
            [*nights("F F F", start=8, exception="OSError"), *nights("F", start=11)],
            Nothing(Reason.STILL_RED, "c5", "c5"),
        ),
    ],
    ids=["once", "the same", "twice", "often", "mostly", "for a while"],
)
def test_second_failure_is_bisected_from_the_last_commit_without_it(later, expected):
    found = decided([*FIRST, *later], [CULPRIT])
    if isinstance(found, Bisect):
        assert found.reason is Reason.OTHER_REGRESSION
        assert {(one.passed, one.failed) for one in found.trials if one.commit in ("c5", "c6")} == set()
        found = (found.good, found.bad, found.exception)
    assert found == expected


def test_second_failure_at_its_own_good_end_indicates_the_environment():
    later = nights("F F F F", start=8, exception="OSError")
    assert decided([*FIRST, *later, *reruns(6, "FF", exception="OSError")], [CULPRIT]) == Wait(
        Reason.ENVIRONMENT
    )


@pytest.mark.parametrize("number", [2, 6], ids=["few", "most"])
def test_second_culprit_of_a_red_cell_explains_its_second_failure(number):
    """The order of ids and the number of failures do not decide which of the two culprits it is."""
    later = nights("F " * number, start=8, exception="OSError")
    second = known("c6", "c8", culprits={A: "c10"}, exception="OSError", ended=time(10))
    for both in ([CULPRIT, second], [second, CULPRIT]):
        found = decided([*FIRST, *later], both)
        assert (found.reason, found.culprit) == (Reason.STILL_RED, "c10")
        fixed = decided([*FIRST, *later, *nights("P", start=20)], both)
        assert fixed == Nothing(Reason.FIXED, "c10", "c20", last_red=f"c{7 + number}")


def test_second_failure_without_a_culprit_is_bisected_again_and_given_up():
    later = nights("F F F F F F", start=8, exception="OSError")
    without_culprit = [known("c6", "c8", exception="OSError", ended=time(day)) for day in (10, 12, 13)]
    reasons = [decided([*FIRST, *later], [CULPRIT, *without_culprit[:number]]).reason for number in range(4)]
    assert reasons[:2] == [Reason.OTHER_REGRESSION, Reason.REPEATED]
    assert reasons[2:] == [Reason.NO_CULPRIT, Reason.GIVEN_UP]
    fixed = decided([*FIRST, *later, *nights("P", start=20)], [CULPRIT, *without_culprit])
    assert fixed == Nothing(Reason.FIXED, "c5", "c20", last_red="c13")
