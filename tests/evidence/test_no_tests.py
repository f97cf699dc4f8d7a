"""Whether the output of a successful command shows that it ran no test."""

import pytest

from bisect_tool.evidence.no_tests import no_test_ran, no_test_started

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


def test_message_of_the_runner_is_returned_without_decoration():
    assert (
        no_test_ran(["collected 0 items", "", "==== no tests ran in 0.01s ===="]) == "no tests ran in 0.01s"
    )


@pytest.mark.parametrize("output", SOME)
def test_output_of_a_runner_that_ran_a_test_or_of_none(output):
    assert no_test_ran(output.splitlines()) == ""


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: usage: pytest [options] [file_or_dir]\npytest: error: unrecognized arguments: --cov",
        "no tests ran in 0.00s\nERROR: file or directory not found: test_a.py",
        "1 deselected in 0.16s",
        "collected 2 items / 1 error\n! Interrupted: 1 error during collection !\n= 1 error in 0.10s =",
        "ERROR: Missing required plugins: pytest-asyncio",
        "ImportError: Error importing plugin \"pytest_cov\": No module named 'pytest_cov'",
        "/usr/bin/python3: No module named pytest",
        "Ran 0 tests in 0.000s\n\nNO TESTS RAN",
        "No tests found, exiting with code 1\nRun with `--passWithNoTests` to exit with code 0",
        "No test files found, exiting with code 1",
        'Error: No test files found: "test/a.js"',
        "error: no tests to run",
        'npm error Missing script: "test"\nnpm error A complete log of this run can be found in: /x.log',
        "npm ERR! missing script: test",
        'error Command "test" not found.',
        "make: *** No rule to make target 'check'.  Stop.",
        "ninja: error: unknown target 'check'",
        "error: no test target named `a`",
        "> No tests found for given includes: [com.example.ATest](--tests filter)",
        "[ERROR] Failed to execute goal surefire:test: No tests were executed!  (Set -DfailIfNoTests=false)",
    ],
)
def test_output_of_a_runner_that_failed_before_any_test(output):
    assert no_test_started(output.splitlines())


@pytest.mark.parametrize(
    "output",
    [
        "ERROR test_a.py - ImportError: no spam\n1 error in 0.10s",
        "no tests ran in 0.00s\n1 failed, 2 passed in 0.31s",
        "?   \texample.org/x\t[no test files]\nFAIL\texample.org/y [build failed]",
        "running 0 tests\nerror[E0308]: mismatched types",
        "ImportError while loading conftest 'conftest.py'.\nE   ImportError: no spam",
        "gcc: error: no input files",
        "make: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.",
        "make[1]: *** No rule to make target 'a'.  Stop.",
        "5 passed in 0.31s\n!!! Interrupted: 1 error during collection !!!\n1 error in 0.10s",
    ],
)
def test_output_of_a_failure_that_is_not_the_runner_s(output):
    assert not no_test_started(output.splitlines())
