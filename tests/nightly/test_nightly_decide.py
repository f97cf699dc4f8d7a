"""Each rule of the decision, in a table: what was observed, and what follows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from nights import BEGAN, COMMITS, cell, nights, reruns, trial

from bisect_tool.nightly.decide import decide
from bisect_tool.nightly.decision import Bisect, KnownTrials, Nothing, Rate, Rerun, Runs, Wait
from bisect_tool.nightly.known import KnownBisection
from bisect_tool.nightly.reason import Reason

A, B = cell("test_a"), cell("test_b")
REGRESSION = [*nights("P P P P P FFF F"), *reruns(4, "P")]


def decided(trials, known=()):
    return decide(trials, COMMITS, known)[A]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("P P P", Nothing(Reason.GREEN)),
        ("M M", Nothing(Reason.NO_RESULT)),
        ("P P M", Nothing(Reason.GREEN)),
        ("P P I", Wait(Reason.INFRASTRUCTURE)),
        ("P P R", Wait(Reason.PENDING)),
        ("P P FP", Nothing(Reason.FLAKY, rate=Rate(1, 4))),
        ("P P FP P P", Nothing(Reason.FLAKY, rate=Rate(1, 6))),
        ("P P F P", Nothing(Reason.PASSED_AGAIN, since="c3")),
        ("P P FFF F P", Nothing(Reason.FIXED, since="c4")),
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
def test_decision_follows_from_the_outcomes(words, expected):
    assert decided(nights(words)) == expected


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


def test_nothing_passed_since_may_be_the_fleet():
    found = decided(nights("P P P P P FFF F"))
    assert found == Rerun(Reason.NO_PASS_SINCE, (Runs("c4", 1),), ("h0", "h5", "h6"))


def test_a_failure_that_persists_for_three_commits_is_bisected():
    assert isinstance(decided(nights("P P P P P F F F")), Bisect)


def test_a_good_end_that_fails_now_is_the_environment():
    assert decided([*nights("P P P P P FFF F"), *reruns(4, "FF")]) == Wait(Reason.ENVIRONMENT)


def test_what_the_environment_broke_is_not_fixed_by_a_commit():
    found = decided([*nights("P P P P P FFF F P"), *reruns(4, "FF")])
    assert found == Nothing(Reason.PASSED_AGAIN, since="c7")


def outage(name):
    """The last green commit fails as well for some days, and the cell passes since."""
    key = cell(name)
    words = nights("P P P P P FFF F", key)
    return [*words, *reruns(4, "FF", key), *reruns(7, "P", key, day=60)]


def test_an_outage_that_is_over_leaves_nothing_behind():
    """The cells are not flaky, no commit fixed them, and the next regression is found at once."""
    over = [each for name in ("test_a", "test_b", "test_c") for each in outage(name)]
    assert set(decide(over, COMMITS).values()) == {Nothing(Reason.GREEN)}
    red = [
        *reruns(9, "F", day=62, host="h1"),
        *reruns(9, "FF", day=63, host="h2"),
        *reruns(9, "F", day=65, host="h3"),
    ]
    found = decide([*over, *reruns(8, "PP", day=61), *red, *reruns(8, "P", day=64)], COMMITS)
    assert found[cell("test_a")].reason is Reason.REGRESSION


def test_a_single_cell_that_fails_again_is_flaky():
    assert decided(outage("test_a")).reason is Reason.PASSED_AGAIN


def test_a_good_end_that_failed_once_since_is_run_again():
    found = decided([*nights("P P P P P FFF F"), *reruns(4, "F")])
    assert found.reason is Reason.NO_PASS_SINCE


def test_a_cell_that_failed_on_all_of_its_agents_may_run_on_any():
    found = decided(nights("P P P F F", hosts=["h1", "h2"]))
    assert (found.reason, found.avoid) == (Reason.TOO_FEW_FAILURES, ())


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


def test_failures_on_one_agent_have_to_be_shown_by_others():
    red = [
        *nights("P P P P P"),
        *reruns(5, "FFFF", day=10, host="h1"),
        *reruns(4, "P", day=11),
    ]
    assert decided(red) == Rerun(Reason.ONE_AGENT, (Runs("c5", 1),), ("h1",))
    assert decided([*red, *reruns(6, "F", day=12)]).reason is Reason.ONE_AGENT
    assert isinstance(decided([*red, *reruns(5, "F", day=12), *reruns(6, "F", day=12)]), Bisect)


def test_a_cell_of_a_fleet_of_one_agent_is_not_held_up():
    trials = [*nights("P P P P P FFF F", hosts=["h1"]), *reruns(4, "P", host="h1")]
    assert isinstance(decided(trials), Bisect)


def test_a_cell_that_fails_on_one_agent_only_is_not_called_flaky():
    trials = [*nights("P P P"), *reruns(3, "FFF", day=4, host="h1"), *reruns(3, "PP", day=5, host="h2")]
    assert decided(trials) == Nothing(Reason.SICK_AGENT)


def test_failures_of_a_sick_agent_count_as_infrastructure():
    cells = [cell(f"test_{name}", job) for name in "abc" for job in ("gpu", "cpu")]
    before = [one for key in cells for one in nights("P P P P P", key)]
    sick = [trial("c5", "F", key, hour=130, host="h1") for key in cells]
    others = [trial("c5", "P", cell("test_x", "gpu"), hour=130, host="h2")]
    found = decide([*before, *sick, *others], COMMITS)
    assert {found[key] for key in cells} == {Wait(Reason.INFRASTRUCTURE)}
    elsewhere = [trial("c5", "F", key, hour=130, host=f"h{number}") for number, key in enumerate(cells)]
    found = decide([*before, *elsewhere, *others], COMMITS)
    assert {found[key].reason for key in cells} == {Reason.FIRST_FAILURE}


STORM = [cell(f"test_{name}", job) for name, job in zip("pqrs", ("a", "b", "c", "d"), strict=True)]


def hit(key, states):
    """A cell that passed for five days, and met a storm on the sixth and in its rerun."""
    hosts = (f"{key.cell} 1", f"{key.cell} 2")
    return [
        *nights("P P P P P", key),
        *nights(states, key, start=5, hosts=hosts, exception="ConnectionError"),
    ]


def test_a_storm_is_infrastructure_also_for_the_cell_that_had_bad_luck():
    others = [one for key in STORM for one in hit(key, "FP")]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided(alike), Bisect)
    assert decided([*alike, *others]) == Wait(Reason.INFRASTRUCTURE)
    assert isinstance(decided([*REGRESSION, *others]), Bisect)


def test_an_exception_that_most_cells_fail_with_every_time_is_no_storm():
    others = [one for key in STORM for one in hit(key, "FP")]
    steady = [one for number in range(5) for one in hit(cell(f"test_{number}", "e"), "FF")]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided([*alike, *others, *steady]), Bisect)


def test_flaky_cells_make_no_storm():
    before = [one for key in STORM for one in nights("PF", key, hosts=(f"{key.cell} 1", f"{key.cell} 2"))]
    others = [*before, *(one for key in STORM for one in hit(key, "FP")[1:])]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided([*alike, *others]), Bisect)


def test_a_storm_that_also_hit_the_good_end_is_one_whatever_the_order():
    keys = STORM[:3]
    trials = [one for key in keys for one in hit(key, "FP")]
    again = [one for key in keys for one in reruns(4, "F", key, day=5, exception="ConnectionError")]
    found = {decide([*trials, *again][::step], COMMITS)[key] for key in keys for step in (1, -1)}
    assert {type(each) for each in found} <= {Nothing, Wait}


def test_one_job_that_fails_on_one_agent_is_not_the_agent():
    cells = [cell(f"test_{name}") for name in "abcd"]
    before = [one for key in cells for one in nights("P P P P P", key)]
    failed = [trial("c5", "F", key, hour=130, host="h1") for key in cells]
    other = trial("c5", "P", cell("test_x", "cpu"), hour=130, host="h2")
    assert decided([*before, *failed, other]).reason is Reason.FIRST_FAILURE


def test_two_failures_are_too_few_however_often_it_passed():
    trials = [*nights("P " * 20 + "FF"), *reruns(19, "P")]
    assert decided(trials) == Rerun(Reason.TOO_FEW_FAILURES, (Runs("c20", 1),), ("h0", "h6"))


def test_a_new_cell_that_never_passed_is_born_red():
    old = nights("P P P P", B)
    assert decided([*old, *nights("F", start=2)]) == Wait(Reason.NEW_TEST)
    assert decided([*old, *nights("F F", start=2)]) == Nothing(Reason.BORN_RED, since="c2")


@pytest.mark.parametrize(
    ("own", "other", "gone"),
    [
        ("P P F", "P P P P P", False),
        ("P P F", "P P P P P P", True),
        ("P P P", "P P P P P P", True),
        ("P P F M M M", "P P P P P P", True),
        ("P P F I", "P P P P P P", False),
        ("P P F M M R", "P P P P P P", False),
        ("P P F", "P P P F F F F", False),
        ("P P F", "P P P F P P FP", True),
        ("M M", "P P P P P", False),
    ],
    ids=[
        "too early",
        "red",
        "green",
        "skipped",
        "infrastructure",
        "running",
        "the job may have ended before it",
        "others are red, too",
        "never run",
    ],
)
def test_cell_that_its_job_goes_on_without_is_gone(own, other, gone):
    found = decided([*nights(own), *nights(other, B)])
    assert (found == Nothing(Reason.GONE)) == gone


def test_other_jobs_do_not_tell_that_a_cell_is_gone():
    others = [cell("test_b", "cpu"), replace(B, shard="2"), replace(B, environment="CUDA=13")]
    trials = [one for key in others for one in nights("P P P P P P P", key)]
    assert decided([*nights("P P F"), *trials]).reason is Reason.FIRST_FAILURE
    whole = replace(A, cell="")
    assert decide([*nights("F F F", whole), *nights("P P P P P P P", B)], COMMITS)[whole].reason is not (
        Reason.GONE
    )


def test_a_cell_that_was_there_but_had_no_result_is_not_born_red():
    assert decided([*nights("P P P P", B), *nights("I I F F")]).reason is Reason.NO_PASS_KNOWN


def test_a_new_job_that_never_passed_is_born_red():
    other = nights("P P P P P", cell("test_x", "cpu"))
    assert decided([*other, *nights("F F", start=3)]).reason is Reason.BORN_RED


def test_a_job_that_missed_one_build_is_not_new():
    other = nights("P P P P P", cell("test_x", "cpu"))
    assert decided([*other, *nights("F F", start=1)]).reason is Reason.NO_PASS_KNOWN


def known(good, bad, cells=(A,), exception="ValueError", **more):
    return KnownBisection(good, bad, frozenset(cells), exception, **more)


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
        (known("c4", "c5"), Nothing(Reason.NO_CULPRIT, since="c5")),
        (
            known("c4", "c6", candidates={A: ("c5", "c6")}),
            Nothing(Reason.BISECTED, since="c5", candidates=("c5", "c6")),
        ),
        (known("c4", "c5", (B,), running=True), Wait(Reason.BISECTING)),
        (known("c4", "c5", (B,), culprits={B: "c5"}), Nothing(Reason.STILL_RED, culprit="c5", since="c5")),
    ],
)
def test_a_range_that_runs_or_ran_is_not_bisected_again(bisection, expected):
    assert decided(REGRESSION, [bisection]) == expected


def time(day):
    return BEGAN + timedelta(days=day)


FIRST = [*nights("P P P P P FFF F"), *reruns(4, "P", day=6)]
"""A regression at c5, with a culprit that fails with ValueError."""
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
def test_second_failure_of_a_red_cell_is_bisected_from_the_last_commit_without_it(later, expected):
    found = decided([*FIRST, *later], [CULPRIT])
    if isinstance(found, Bisect):
        assert found.reason is Reason.OTHER_REGRESSION
        assert {(one.passed, one.failed) for one in found.trials if one.commit in ("c5", "c6")} == set()
        found = (found.good, found.bad, found.exception)
    assert found == expected


def test_last_commit_without_the_second_failure_fails_with_it_by_now_it_is_the_environment():
    later = nights("F F F F", start=8, exception="OSError")
    assert decided([*FIRST, *later, *reruns(6, "FF", exception="OSError")], [CULPRIT]) == Wait(
        Reason.ENVIRONMENT
    )


@pytest.mark.parametrize("number", [2, 6], ids=["few", "most"])
def test_second_culprit_of_a_red_cell_explains_its_second_failure(number):
    """Neither the alphabet nor the number of failures decides which of the two culprits it is."""
    later = nights("F " * number, start=8, exception="OSError")
    second = known("c6", "c8", culprits={A: "c10"}, exception="OSError", ended=time(10))
    for both in ([CULPRIT, second], [second, CULPRIT]):
        found = decided([*FIRST, *later], both)
        assert (found.reason, found.culprit) == (Reason.STILL_RED, "c10")
        fixed = decided([*FIRST, *later, *nights("P", start=20)], both)
        assert fixed == Nothing(Reason.FIXED, "c10", "c20")


def test_second_failure_without_a_culprit_is_bisected_again_and_given_up():
    later = nights("F F F F F F", start=8, exception="OSError")
    vain = [known("c6", "c8", exception="OSError", ended=time(day)) for day in (10, 12, 13)]
    reasons = [decided([*FIRST, *later], [CULPRIT, *vain[:number]]).reason for number in range(4)]
    assert reasons[:2] == [Reason.OTHER_REGRESSION, Reason.REPEATED]
    assert reasons[2:] == [Reason.NO_CULPRIT, Reason.GIVEN_UP]
    fixed = decided([*FIRST, *later, *nights("P", start=20)], [CULPRIT, *vain])
    assert fixed == Nothing(Reason.FIXED, "c5", "c20")


def test_newest_culprit_inside_the_streak_is_preferred():
    older = known("c4", "c5", culprits={A: "c9"}, ended=time(6))
    newer = known("c4", "c5", culprits={A: "c5"}, ended=time(7))
    outside = known("c4", "c5", culprits={A: "elsewhere"}, ended=time(8))
    assert decided(FIRST, [newer, older]).culprit == "c5"
    assert decided(FIRST, [newer, outside]).culprit == "c5"


def tries(*days):
    return [known("c4", "c5", ended=time(day)) for day in days]


@pytest.mark.parametrize(
    ("bisections", "later", "expected"),
    [
        (tries(6.5), "", Reason.NO_CULPRIT),
        (tries(6.5), "F", Reason.NO_CULPRIT),
        (tries(6.5), "F F", Reason.REPEATED),
        (tries(6.5, 8.5), "F F", Reason.NO_CULPRIT),
        (tries(6.5, 8.5), "F F F F", Reason.REPEATED),
        (tries(6.5, 8.5, 10.5), "F F F F F F", Reason.GIVEN_UP),
        ([known("c4", "c5")], "F F F", Reason.NO_CULPRIT),
        ([*tries(6.5), known("c4", "c5", running=True)], "F F", Reason.BISECTING),
        ([*tries(6.5, 8.5), known("c4", "c5", culprits={A: "c5"})], "F F F", Reason.STILL_RED),
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


def test_a_failure_like_one_with_a_culprit_is_run_around_it():
    wide = [*nights("P P P P M FFF F"), *reruns(3, "P")]
    others = known("c3", "c5", (B,), culprits={B: "c4"})
    assert decided(wide, [others]) == Rerun(Reason.SAME_CAUSE, (Runs("c4", 1),), ("h0", "h5", "h6"))
    assert decided([*wide, *reruns(4, "F")], [others]).reason is Reason.STILL_RED
    other = reruns(4, "F", exception="OSError")
    assert decided([*wide, *other], [others]).runs == (Runs("c4", 1),)
    assert isinstance(decided([*wide, *reruns(4, "P")], [others]), Bisect)


def test_a_culprit_older_than_the_history_is_remembered():
    old = known("before", "older", culprits={A: "older"})
    assert decided(nights("F F F"), [old]) == Nothing(Reason.STILL_RED, culprit="older", since="c0")
    assert isinstance(decided(REGRESSION, [old]), Bisect)


def test_a_fix_names_what_it_fixed():
    fixed = [*REGRESSION, *nights("P", start=8)]
    found = decided(fixed, [known("c4", "c5", culprits={A: "c5"})])
    assert found == Nothing(Reason.FIXED, culprit="c5", since="c8")


def test_fix_of_candidates_says_which_they_were():
    fixed = [*REGRESSION, *nights("P", start=8)]
    found = decided(fixed, [known("c4", "c5", candidates={A: ("c5", "x")})])
    assert found == Nothing(Reason.FIXED, since="c8", candidates=("c5", "x"))


def test_a_change_that_lands_again_is_a_new_regression():
    again = [*REGRESSION, *nights("P P P FFF FFF", start=8), *reruns(10, "P", day=60)]
    found = decided(again, [known("c4", "c5", culprits={A: "c5"})])
    assert (found.good, found.bad) == ("c10", "c11")


@pytest.mark.parametrize(
    ("words", "known_ones", "expected"),
    [
        ("F", [], Rerun(Reason.TOO_FEW_FAILURES, (Runs("c0", 2),))),
        ("FI F", [], Rerun(Reason.TOO_FEW_FAILURES, (Runs("c1", 1),))),
        ("FFF", [], ("", "c0")),
        ("F F F", [], ("", "c0")),
        ("FP", [], Nothing(Reason.FLAKY, rate=Rate(1, 2))),
        ("F F F", [known("", "c0")], Nothing(Reason.NO_PASS_FOUND, since="c0")),
        ("F F F", [known("", "c0", ended=BEGAN)], Nothing(Reason.NO_PASS_FOUND, since="c0")),
        ("F F F", [known("", "c0", running=True)], Wait(Reason.BISECTING)),
        ("F F F", [known("old", "c0", culprits={A: "c0"})], Nothing(Reason.STILL_RED, "c0", "c0")),
    ],
)
def test_cell_that_never_passed_is_bisected_from_a_commit_that_is_searched(words, known_ones, expected):
    found = decide(nights(words, hosts=()), COMMITS, known_ones, walks=True)[A]
    if isinstance(found, Bisect):
        assert found.reason is Reason.NEVER_GREEN
        found = (found.good, found.bad)
    assert found == expected


def test_new_cell_that_never_passed_is_not_searched_for_a_pass():
    found = decide([*nights("P P P P", B), *nights("FFF FFF", start=2)], COMMITS, walks=True)
    assert found[A] == Nothing(Reason.BORN_RED, since="c2")


def test_cells_that_never_passed_and_fail_alike_are_one_bisection():
    both = [one for key in (A, B) for one in nights("FFF F", key)]
    (found,) = set(decide(both, COMMITS, walks=True).values())
    assert found.cells == (A, B)


def test_cells_that_fail_alike_in_one_range_are_one_bisection():
    both = [one for key in (A, B) for one in (*nights("P P P P P FFF F", key), *reruns(4, "P", key))]
    found = decide(both, COMMITS)
    assert found[A] == found[B]
    assert found[A].cells == (A, B)
    assert [one.commit for one in found[A].trials if one.cell == B] == [f"c{number}" for number in range(7)]


def test_cells_that_fail_differently_are_two_bisections():
    other = [
        *nights("P P P P P FFF F", B, exception="OSError"),
        *reruns(4, "P", B),
    ]
    found = decide([*REGRESSION, *other], COMMITS)
    assert (found[A].cells, found[B].cells) == ((A,), (B,))


def test_cells_of_two_jobs_without_known_exceptions_are_two_bisections():
    keys = (cell("", "gpu"), cell("", "cpu"))
    both = [
        one
        for key in keys
        for one in (*nights("P P P P P FFF F", key, exception=""), *reruns(4, "P", key, exception=""))
    ]
    found = decide(both, COMMITS)
    assert [found[key].cells for key in keys] == [(keys[0],), (keys[1],)]


def test_of_overlapping_ranges_the_shorter_one_is_bisected_first():
    wide = [*nights("P P P P M FFF F", B), *reruns(3, "P", B)]
    found = decide([*REGRESSION, *wide], COMMITS)
    assert isinstance(found[A], Bisect)
    assert found[B] == Wait(Reason.OVERLAP)


def test_observations_outside_the_history_are_left_out():
    assert decide([trial("elsewhere", "F")], COMMITS) == {}


def test_a_later_reading_of_an_attempt_replaces_an_earlier_one():
    assert decided(
        [*nights("P P P"), trial("c3", "R", attempt="0"), trial("c3", "P", attempt="0")]
    ) == Nothing(Reason.GREEN)


def test_without_times_and_hosts_a_second_pass_shows_that_the_fleet_is_fine():
    bare = [replace(one, finished=None, host="") for one in nights("P P P P P FFF F")]
    assert decided(bare).reason is Reason.NO_PASS_SINCE
    assert isinstance(decided([*bare, replace(trial("c4", "P", attempt="2"), finished=None)]), Bisect)
    third = replace(trial("c7", "F"), finished=None, host="")
    assert isinstance(decided([*bare, third]), Bisect)


def test_every_reason_has_a_sentence():
    assert all(reason.sentence.endswith(".") and reason != reason.sentence for reason in Reason)
    assert len({reason.sentence for reason in Reason}) == len(Reason)
