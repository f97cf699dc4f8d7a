"""Decisions by the results of earlier bisections: culprit, candidates, none, still running."""

import pytest
from nights import COMMITS, FIRST, REGRESSION, A, B, decided, known, nights, reruns, time, trial

from bisect_tool.nightly_rules.decide import decide, known_runs
from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason


@pytest.mark.parametrize(
    ("bisection", "expected"),
    [
        (known("c4", "c5", culprits={A: "c5"}), Nothing(Reason.STILL_RED, culprit="c5", since="c5")),
        (known("c4", "c6", culprits={A: "c5"}), Nothing(Reason.STILL_RED, culprit="c5", since="c5")),
        (
            known("c4", "c5", culprits={A: "c5"}, exception="OSError"),
            Nothing(Reason.OTHER_FAILURE, culprit="c5", since="c5"),
        ),
        (known("c4", "c5", exception="OSError"), Nothing(Reason.OTHER_FAILURE, since="c5")),
        (known("c4", "c5", running=True), Wait(Reason.BISECTING)),
        (known("c4", "c5", unfinished=True), Wait(Reason.UNFINISHED)),
        (known("c4", "c5", running=True, unfinished=True), Wait(Reason.BISECTING)),
        (known("c4", "c5"), Nothing(Reason.NO_CULPRIT, since="c5")),
        (
            known("c4", "c6", candidates={A: ("c5", "c6")}),
            Nothing(Reason.BISECTED, since="c5", candidates=("c5", "c6")),
        ),
        (known("c4", "c5", (B,), running=True), Wait(Reason.BISECTING)),
        (known("c4", "c5", (B,), unfinished=True), Wait(Reason.UNFINISHED)),
        (known("c4", "c5", (B,), culprits={B: "c5"}), Nothing(Reason.STILL_RED, culprit="c5", since="c5")),
    ],
)
def test_a_range_that_runs_or_ran_is_not_bisected_again(bisection, expected):
    assert decided(REGRESSION, [bisection]) == expected


def test_newest_culprit_inside_the_streak_is_preferred():
    older = known("c4", "c5", culprits={A: "c9"}, ended=time(6))
    newer = known("c4", "c5", culprits={A: "c5"}, ended=time(7))
    outside = known("c4", "c5", culprits={A: "elsewhere"}, ended=time(8))
    assert decided(FIRST, [newer, older]).culprit == "c5"
    assert decided(FIRST, [newer, outside]).culprit == "c5"


def bisections_on(*days):
    return [known("c4", "c5", ended=time(day)) for day in days]


@pytest.mark.parametrize(
    ("bisections", "later", "expected"),
    [
        (bisections_on(6.5), "", Reason.NO_CULPRIT),
        (bisections_on(6.5), "F", Reason.NO_CULPRIT),
        (bisections_on(6.5), "F F", Reason.REPEATED),
        (bisections_on(6.5, 8.5), "F F", Reason.NO_CULPRIT),
        (bisections_on(6.5, 8.5), "F F F F", Reason.REPEATED),
        (bisections_on(6.5, 8.5, 10.5), "F F F F F F", Reason.GIVEN_UP),
        ([known("c4", "c5")], "F F F", Reason.NO_CULPRIT),
        ([*bisections_on(6.5), known("c4", "c5", running=True)], "F F", Reason.BISECTING),
        ([*bisections_on(6.5, 8.5), known("c4", "c5", culprits={A: "c5"})], "F F F", Reason.STILL_RED),
        ([known("c4", "c6", candidates={A: ("c5", "c6")}, ended=time(7))], "F F F", Reason.BISECTED),
    ],
)
def test_bisection_without_a_culprit_is_repeated_twice(bisections, later, expected):
    found = decided([*FIRST, *nights(later, start=7)], bisections)
    assert found.reason is expected
    assert not isinstance(found, Bisect) or (found.good, found.bad) == ("c4", "c5")


def test_bisection_of_a_range_that_is_repeated_for_one_cell_is_repeated():
    trials = [one for key in (A, B) for one in nights("P P P P P FFF F F F", key)]
    (found,) = set(decide(trials, COMMITS, [known("c4", "c5", (B,), ended=time(6.5))]).values())
    assert (found.reason, found.cells) == (Reason.REPEATED, (A, B))


@pytest.mark.parametrize(
    "bisection",
    [
        known("c1", "c4", culprits={A: "c3"}),
        known("c5", "c9", running=True),
        known("c4", "c5", (B,), exception="OSError", running=True),
        known("c4", "c5", (B,)),
    ],
    ids=["older", "newer", "of another failure", "of another cell and without culprit"],
)
def test_a_range_that_no_bisection_covers_is_bisected(bisection):
    assert isinstance(decided(REGRESSION, [bisection]), Bisect)


def test_failure_like_one_with_a_culprit_is_rerun_at_that_culprit():
    wide = [*nights("P P P P M FFF F"), *reruns(3, "P")]
    others = known("c3", "c5", (B,), culprits={B: "c4"})
    assert decided(wide, [others]) == Rerun(Reason.SAME_CAUSE, (Runs("c4", 1),), ("h0", "h5", "h6"))
    assert decided([*wide, *reruns(4, "F")], [others]).reason is Reason.STILL_RED
    other = reruns(4, "F", exception="OSError")
    assert decided([*wide, *other], [others]).runs == (Runs("c4", 1),)
    assert isinstance(decided([*wide, *reruns(4, "P")], [others]), Bisect)


def test_culprit_older_than_the_history_is_kept():
    old = known("before", "older", culprits={A: "older"})
    assert decided(nights("F F F"), [old]) == Nothing(Reason.STILL_RED, culprit="older", since="c0")
    assert isinstance(decided(REGRESSION, [old]), Bisect)


def test_fix_names_the_culprit():
    fixed = [*REGRESSION, *nights("P", start=8)]
    found = decided(fixed, [known("c4", "c5", culprits={A: "c5"})])
    assert found == Nothing(Reason.FIXED, culprit="c5", since="c8", last_red="c6")


def test_fix_of_candidates_lists_them():
    fixed = [*REGRESSION, *nights("P", start=8)]
    found = decided(fixed, [known("c4", "c5", candidates={A: ("c5", "x")})])
    assert found == Nothing(Reason.FIXED, since="c8", candidates=("c5", "x"), last_red="c6")


def test_a_change_that_lands_again_is_a_new_regression():
    again = [*REGRESSION, *nights("P P P FFF FFF", start=8), *reruns(10, "P", day=60)]
    found = decided(again, [known("c4", "c5", culprits={A: "c5"})])
    assert (found.good, found.bad) == ("c10", "c11")


def test_known_runs_are_those_of_every_cell_with_any_failure():
    trials = [*nights("P FP"), *nights("F", B, exception="OSError"), *nights("F", B, start=1)]
    elsewhere = trial("elsewhere", "F")
    found = [
        (each.cell, each.commit, each.passed, each.failed)
        for each in known_runs([*trials, elsewhere], COMMITS)
    ]
    assert sorted(found) == [(A, "c0", 1, 0), (A, "c1", 1, 1), (B, "c0", 0, 1), (B, "c1", 0, 1)]
