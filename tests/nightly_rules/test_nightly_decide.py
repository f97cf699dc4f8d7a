"""Each rule of the decision, as a table of observations and decisions."""

from dataclasses import replace

import pytest
from nights import COMMITS, REGRESSION, A, decided, nights, reruns, trial

from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, KnownTrials, Nothing, Rate, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("P P P", Nothing(Reason.GREEN)),
        ("M M", Nothing(Reason.NO_RESULT)),
        ("P P M", Nothing(Reason.GREEN)),
        ("P P I", Wait(Reason.INFRASTRUCTURE)),
        ("P P R", Wait(Reason.PENDING)),
        ("P P FP", Nothing(Reason.FLAKY, rate=Rate(1, 4))),
        ("P P FP P P", Nothing(Reason.FLAKY, rate=Rate(1, 6))),
        ("P P F P", Nothing(Reason.PASSED_AGAIN, since="c3")),
        ("P P FFF F P", Nothing(Reason.FIXED, since="c4", last_red="c3")),
        ("P P FFF F P P P P", Nothing(Reason.GREEN)),
        ("PF P P F P P P P", Nothing(Reason.FLAKY, rate=Rate(2, 9))),
        ("F F F", Nothing(Reason.NO_PASS_KNOWN, since="c0")),
        ("P P F R", Rerun(Reason.FIRST_FAILURE, (Runs("c2", 2), Runs("c1", 1)), ("h2",))),
        ("P P FR", Wait(Reason.PENDING)),
        ("P F", Rerun(Reason.FIRST_FAILURE, (Runs("c1", 2), Runs("c0", 1)), ("h1",))),
        ("P P P P P FF", Rerun(Reason.TOO_FEW_FAILURES, (Runs("c5", 1), Runs("c4", 1)), ("h5", "h6"))),
        ("P P P P P FIIII", Rerun(Reason.FIRST_FAILURE, (Runs("c4", 1),), ("h5",))),
    ],
)
def test_decision_follows_from_the_outcomes(outcomes, expected):
    assert decided(nights(outcomes)) == expected


def test_three_failures_and_a_pass_since_are_bisected():
    assert decided(REGRESSION) == Bisect(
        Reason.REGRESSION,
        "c4",
        "c5",
        (A,),
        "ValueError",
        (
            *(KnownTrials(A, f"c{number}", 1, 0) for number in range(4)),
            KnownTrials(A, "c4", 2, 0),
            KnownTrials(A, "c5", 0, 3),
            KnownTrials(A, "c6", 0, 1),
        ),
    )


def test_without_a_later_pass_the_machines_may_be_the_cause():
    found = decided(nights("P P P P P FFF F"))
    assert found == Rerun(Reason.NO_PASS_SINCE, (Runs("c4", 1),), ("h0", "h5", "h6"))


def test_a_failure_that_persists_for_three_commits_is_bisected():
    assert isinstance(decided(nights("P P P P P F F F")), Bisect)


def test_a_good_end_that_failed_once_since_is_run_again():
    found = decided([*nights("P P P P P FFF F"), *reruns(4, "F")])
    assert found.reason is Reason.NO_PASS_SINCE


def test_a_baseline_that_infrastructure_killed_is_no_end():
    found = decided([*nights("P P P P I FFF F"), *reruns(3, "P")])
    assert (found.good, found.bad) == ("c3", "c5")


def test_a_commit_with_a_pass_is_a_good_end():
    found = decided([*nights("P P P P P PF FFF F"), *reruns(5, "P")])
    assert (found.good, found.bad) == ("c5", "c6")


def test_a_commit_that_fails_with_another_exception_is_not_the_bad_end():
    trials = [*nights("P P P P P"), *nights("F", start=5, exception="OSError"), *nights("FFF F", start=6)]
    found = decided([*trials, *reruns(4, "P")])
    assert (found.good, found.bad, found.exception) == ("c4", "c6", "ValueError")
    assert [one.commit for one in found.trials] == ["c0", "c1", "c2", "c3", "c4", "c6", "c7"]


def test_a_flaky_cell_needs_more_failures_than_chance_explains():
    flaky = "PF P PF P PPF P P P P "
    assert decided(nights(flaky + "F")) == Nothing(Reason.FLAKY, rate=Rate(4, 14))
    assert decided(nights(flaky + "F F F")).reason is Reason.TOO_FEW_FAILURES
    assert isinstance(decided([*nights(flaky + "FFF F"), *reruns(8, "P")]), Bisect)


def test_two_failures_are_too_few_after_any_number_of_passes():
    trials = [*nights("P " * 20 + "FF"), *reruns(19, "P")]
    assert decided(trials) == Rerun(Reason.TOO_FEW_FAILURES, (Runs("c20", 1),), ("h0", "h6"))


def test_observations_outside_the_history_are_left_out():
    assert decide([trial("elsewhere", "F")], COMMITS) == {}


def test_a_later_reading_of_an_attempt_replaces_an_earlier_one():
    assert decided(
        [*nights("P P P"), trial("c3", "R", attempt="0"), trial("c3", "P", attempt="0")]
    ) == Nothing(Reason.GREEN)


def test_without_times_and_hosts_a_second_pass_rules_out_the_machines():
    bare = [replace(one, finished=None, host="") for one in nights("P P P P P FFF F")]
    assert decided(bare).reason is Reason.NO_PASS_SINCE
    assert isinstance(decided([*bare, replace(trial("c4", "P", attempt="2"), finished=None)]), Bisect)
    third = replace(trial("c7", "F"), finished=None, host="")
    assert isinstance(decided([*bare, third]), Bisect)


def test_every_reason_has_a_sentence():
    assert all(reason.sentence.endswith(".") and reason != reason.sentence for reason in Reason)
    assert len({reason.sentence for reason in Reason}) == len(Reason)
