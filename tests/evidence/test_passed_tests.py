"""The tests that a log lists as passed or skipped."""

import pytest

from bisect_tool.evidence.passed_tests import passed_tests, skipped_tests

ONE = "tests/test_a.py::test_one"


@pytest.mark.parametrize(
    "log",
    [
        f"{ONE} PASSED",
        f"{ONE} PASSED                     [ 50%]",
        f"{ONE} INFO starting\n2 replicas\nPASSED",
        f"{ONE} \nworking\nPASSED [ 50%]",
        f"[gw1] [ 50%] PASSED {ONE} ",
        f"2026-03-06T07:10:00.1234567Z {ONE} PASSED",
        f"\x1b_bk;t=1772800000123\x07{ONE} \x1b[32mPASSED\x1b[0m",
    ],
)
def test_test_listed_as_passed(log):
    assert passed_tests(log.split("\n")) == {ONE}


@pytest.mark.parametrize(
    "log",
    [
        "",
        "PASSED",
        f"{ONE} FAILED",
        f"{ONE}",
        f"{ONE} \nhalf PASSED",
        f"{ONE} \n[31 bytes left out]\nPASSED",
        f"{ONE} \n======== FAILURES ========\nPASSED",
        f"FAILED {ONE} - PASSED",
    ],
)
def test_lines_without_an_outcome_of_a_test(log):
    assert passed_tests(log.split("\n")) == frozenset()


def test_parameters_are_part_of_the_name():
    assert passed_tests([f"{ONE}[4-a b] PASSED"]) == {f"{ONE}[4-a b]"}


@pytest.mark.parametrize(
    "log",
    [
        f"{ONE} SKIPPED",
        f"{ONE} SKIPPED (needs 8 GPUs)             [ 50%]",
        f"{ONE} \nworking\nSKIPPED (needs 8 GPUs) [ 50%]",
        f"[gw1] [ 50%] SKIPPED {ONE} ",
    ],
)
def test_test_listed_as_skipped(log):
    assert skipped_tests(log.split("\n")) == {ONE}
    assert passed_tests(log.split("\n")) == frozenset()
    assert skipped_tests([*log.split("\n"), f"{ONE} PASSED"]) == frozenset()
