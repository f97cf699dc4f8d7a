"""Whether a command that succeeded says that it ran no test."""

import pytest

from bisect_tool.evidence.no_tests import no_test_ran

NONE = [
    "Ran 0 tests in 0.000s\n\nOK",
    "Ran 2 tests in 0.001s\n\nOK (skipped=2)",
    "Ran 0 tests in 0.000s\n\nNO TESTS RAN",
    "collected 0 items\n\n============= no tests ran in 0.01s =============",
    "3 skipped in 0.02s",
    "=========== 1 skipped, 4 deselected, 1 warning in 1.02s ===========",
    "Test project /b\nNo tests were found!!!",
    "testing: warning: no tests to run\nPASS\nok  \texample.org/x\t0.002s [no tests to run]",
    "?   \texample.org/x\t[no test files]",
    "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out",
    "Test Suites: 1 skipped, 0 of 1 total\nTests:       3 skipped, 3 total",
    "No tests found, exiting with code 0",
    "  0 passing (1ms)",
    "\u2139 tests 0\n\u2139 suites 0\n\u2139 pass 0",
    "0 examples, 0 failures",
    "0 runs, 0 assertions, 0 failures, 0 errors, 0 skips",
    "No tests executed!",
    "[INFO] No tests to run.",
    "[INFO] Tests run: 0, Failures: 0, Errors: 0, Skipped: 0",
    "[==========] Running 0 tests from 0 test suites.",
]
SOME = [
    "",
    "linted 3 files",
    "Ran 2 tests in 0.001s\n\nOK (skipped=1)",
    "Ran 12 tests in 0.001s\n\nOK (skipped=2)",
    "3 skipped in 0.02s\n1 passed, 3 skipped in 0.1s",
    "100% tests passed, 0 tests failed out of 2",
    "?   \texample.org/x\t[no test files]\nok  \texample.org/y\t0.002s",
    "?   \texample.org/x\t[no test files]\nok  \texample.org/y\t(cached)",
    "running 0 tests\n\nrunning 2 tests\ntest a ... ok",
    "Tests:       3 skipped, 1 passed, 4 total",
    "  0 passing (1ms)\n  4 passing (1ms)",
    "\u2139 tests 1\n\u2139 pass 1",
    "[INFO] Tests run: 0, Failures: 0\n[INFO] Tests run: 2, Failures: 0",
]


@pytest.mark.parametrize("output", NONE)
def test_output_of_a_runner_that_ran_nothing(output):
    assert no_test_ran(output.splitlines())


def test_what_the_runner_said_is_returned_without_decoration():
    assert (
        no_test_ran(["collected 0 items", "", "==== no tests ran in 0.01s ===="]) == "no tests ran in 0.01s"
    )


@pytest.mark.parametrize("output", SOME)
def test_output_of_a_runner_that_ran_a_test_or_of_none(output):
    assert no_test_ran(output.splitlines()) == ""
