"""Modules, classes and packages that failed before their tests ran."""

import pytest

from bisect_tool.ci_results.failed_before_tests import with_passed_groups
from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect

COMMITS = [f"{number:040x}" for number in range(9)]
LAST_GOOD = 4


def observed(night, cell, state, job="unit"):
    return Observation(CellKey("nightly", job, "", cell), COMMITS[night], str(night), "junit.xml", state)


def nights(tests, group):
    """Tests that pass until the last good night, and a group that fails from then on; another test passes."""
    for night in range(len(COMMITS)):
        yield observed(night, "tests.test_other::test_a", State.PASSED)
        for test in tests if night <= LAST_GOOD else ():
            yield observed(night, test, State.PASSED)
        if night > LAST_GOOD:
            yield observed(night, group, State.FAILED)


@pytest.mark.parametrize(
    ("tests", "group"),
    [
        (["tests.test_b::test_1", "tests.test_b::test_2"], "tests.test_b"),
        (["tests.test_b.TestLoad::test_1[a::b]"], "tests.test_b"),
        (["tests/test_b.py::TestLoad::test_1"], "tests/test_b.py"),
        (["ex/b::TestB"], "ex/b::[build failed]"),
        (["com.ex.BTest::works"], "com.ex.BTest"),
        (["com.ex.BTest::works"], "com.ex.BTest::initializationError"),
    ],
)
def test_group_that_fails_since_a_night_is_bisected(tests, group):
    decision = decide(with_passed_groups(nights(tests, group)), COMMITS)[
        CellKey("nightly", "unit", "", group)
    ]
    assert isinstance(decision, Bisect)
    assert (decision.good, decision.bad) == (COMMITS[LAST_GOOD], COMMITS[LAST_GOOD + 1])


@pytest.mark.parametrize("state", [State.PASSED, State.FAILED])
def test_group_passed_where_one_of_its_tests_ran(state):
    ran, failed = observed(0, "tests.test_b::test_1", state), observed(1, "tests.test_b", State.FAILED)
    assert with_passed_groups([ran, failed]) == (ran, failed, observed(0, "tests.test_b", State.PASSED))


@pytest.mark.parametrize(
    "other",
    [
        observed(0, "tests.test_b::test_1", State.MISSING),
        observed(0, "tests.test_b::test_1", State.INFRASTRUCTURE),
        observed(0, "tests.test_b::test_1", State.PASSED, job="another"),
        observed(0, "tests.test_bb::test_1", State.PASSED),
        observed(1, "tests.test_b::test_1", State.PASSED),
    ],
    ids=["skipped", "killed", "of another job", "of another module", "of an attempt in which it failed"],
)
def test_group_did_not_pass_where_no_test_of_it_ran(other):
    given = (other, observed(1, "tests.test_b", State.FAILED))
    assert with_passed_groups(given) == given


def test_single_test_is_not_a_group():
    given = (observed(0, "t.a::works", State.PASSED), observed(1, "t.a::breaks", State.FAILED))
    assert with_passed_groups(given) == given
