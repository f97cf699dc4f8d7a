"""New cells that never passed, and cells that are no longer run."""

from dataclasses import replace

import pytest
from nights import COMMITS, START, A, B, cell, decided, known, nights

from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rate, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason


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
def test_cell_that_its_job_no_longer_runs_is_gone(own, other, gone):
    found = decided([*nights(own), *nights(other, B)])
    assert (found == Nothing(Reason.GONE)) == gone


def test_other_jobs_do_not_show_that_a_cell_is_gone():
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


@pytest.mark.parametrize(
    ("outcomes", "known_ones", "expected"),
    [
        ("F", [], Rerun(Reason.TOO_FEW_FAILURES, (Runs("c0", 2),))),
        ("FI F", [], Rerun(Reason.TOO_FEW_FAILURES, (Runs("c1", 1),))),
        ("FFF", [], ("", "c0")),
        ("F F F", [], ("", "c0")),
        ("FP", [], Nothing(Reason.FLAKY, rate=Rate(1, 2))),
        ("F F F", [known("", "c0")], Nothing(Reason.NO_PASS_FOUND, since="c0")),
        ("F F F", [known("", "c0", ended=START)], Nothing(Reason.NO_PASS_FOUND, since="c0")),
        ("F F F", [known("", "c0", running=True)], Wait(Reason.BISECTING)),
        ("F F F", [known("old", "c0", culprits={A: "c0"})], Nothing(Reason.STILL_RED, "c0", "c0")),
    ],
)
def test_cell_that_never_passed_is_bisected_from_a_commit_that_is_searched(outcomes, known_ones, expected):
    found = decide(nights(outcomes, hosts=()), COMMITS, known_ones, walks=True)[A]
    if isinstance(found, Bisect):
        assert found.reason is Reason.NEVER_GREEN
        found = (found.good, found.bad)
    assert found == expected


def test_new_cell_that_never_passed_is_not_searched_for_a_pass():
    found = decide([*nights("P P P P", B), *nights("FFF FFF", start=2)], COMMITS, walks=True)
    assert found[A] == Nothing(Reason.BORN_RED, since="c2")
