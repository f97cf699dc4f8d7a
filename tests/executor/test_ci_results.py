"""The result of a trial from the log and reports of a finished job."""

from __future__ import annotations

import pytest
from ci_job_output import FAIL, PASS, PASSING, TEST, junit_of, log_of

from bisect_tool.ci_results.series import Series
from bisect_tool.executor.ci.buildkite import commit_jobs
from bisect_tool.executor.ci.results import NO_LOG, SKIPPED, UNNAMED, trial_result

SHA = "a" * 40


def attempt(state="failed", code=1, **fields):
    job = {
        "id": "1",
        "type": "script",
        "name": "gpu",
        "state": state,
        "exit_status": code,
        "agent": {"hostname": "gpu-1", "meta_data": ["queue=gpu_4_queue"]},
        "started_at": "2026-03-06T10:00:00Z",
        "finished_at": "2026-03-06T10:05:00Z",
        "web_url": "https://ci/1",
        **fields,
    }
    build = {"number": 7, "commit": SHA, "branch": "main", "jobs": [job]}
    return commit_jobs([build], "gpu", Series("ci"), "/builds").attempts[0]


def outcomes(result):
    return {each.cell: each.outcome.value for each in result.cells}


def test_tests_of_a_failed_job_are_cells_with_evidence():
    result = trial_result(attempt(), FAIL.log, "Buildkite", started=True)
    assert outcomes(result) == {TEST: "failed"}
    assert result.cell(TEST).failure.signature.exception == "RuntimeError"
    assert (result.outcome, result.seconds, result.gpus) == ("failed", 300.0, 4)
    assert (result.where, result.job.attempt, result.is_free) == ("https://ci/1", "1", False)


def test_job_of_others_takes_no_time():
    result = trial_result(attempt("passed", 0), PASS.log, "Buildkite")
    assert (result.seconds, result.is_free) == (0.0, True)


@pytest.mark.parametrize(
    ("log", "asked", "expected"),
    [
        ("all good", (), {}),
        ("all good", (TEST,), {TEST: "passed"}),
        (PASS.log, (TEST, "x"), {TEST: "passed", "x": "passed"}),
    ],
)
def test_every_cell_passes_in_a_passed_job(log, asked, expected):
    result = trial_result(attempt("passed", 0), log, "Buildkite", asked)
    assert outcomes(result) == expected
    assert result.cell("x" if "x" in asked or not asked else TEST).outcome == "passed"


@pytest.mark.parametrize(
    ("log", "reports", "no_tests"),
    [
        ("2026-03-06T10:00:01.0000000Z === 4 deselected in 0.31s ===", (), "4 deselected in 0.31s"),
        ("running 0 tests\ntest result: ok", (), "running 0 tests"),
        ("4 deselected in 0.31s\n2 passed in 0.31s", (), ""),
        ("4 deselected in 0.31s", (junit_of(red=False),), ""),
    ],
)
def test_passed_job_without_a_test_has_a_note(log, reports, no_tests):
    result = trial_result(attempt("passed", 0), log, "Buildkite", ("x",), reports=reports)
    assert (result.cell("x").outcome, result.cell("x").no_tests) == ("passed", no_tests)


def test_cell_listed_as_passed_in_a_failed_job_passed():
    result = trial_result(attempt(), FAIL.log, "Buildkite", (PASSING, TEST))
    assert outcomes(result) == {TEST: "failed", PASSING: "passed"}


def test_cell_missing_in_a_failed_job_has_no_result():
    result = trial_result(attempt(), FAIL.log, "Buildkite", ("tests/test_b.py::test_b",))
    found = result.cell("tests/test_b.py::test_b")
    assert (found.outcome, found.reason) == ("errored", UNNAMED)


@pytest.mark.parametrize(("state", "outcome"), [("failed", "failed"), ("timed_out", "hung")])
def test_job_without_tests_is_one_cell(state, outcome):
    result = trial_result(attempt(state), "make: *** [all] Error 2\n", "Buildkite")
    assert outcomes(result) == {"gpu": outcome}


def test_patterns_select_cells():
    result = trial_result(attempt(), FAIL.log, "Buildkite", patterns=("*[4]",))
    assert outcomes(result) == {TEST: "failed"}
    assert trial_result(attempt(), FAIL.log, "Buildkite", patterns=("*[1]",)).cells == ()


def test_test_skipped_in_the_log_of_a_passed_job_has_no_result():
    log = PASS.log.replace(f"{TEST} PASSED", f"{TEST} SKIPPED (needs 8 GPUs)")
    result = trial_result(attempt("passed", 0), log, "Buildkite", (PASSING, TEST))
    assert outcomes(result) == {PASSING: "passed", TEST: "skipped"}


def test_job_that_failed_without_log_and_report_has_no_result():
    found = trial_result(attempt(), "\n", "Buildkite", (TEST,), started=True)
    assert (found.outcome, found.cells, found.reason) == ("infrastructure", (), NO_LOG)
    assert trial_result(attempt(), "", "Buildkite", reports=(junit_of(red=True),)).outcome == "failed"


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-06T10:01:00.1Z ##[error]Process completed with exit code 137.",
        "##[error]The runner has received a shutdown signal. This can happen when it is stopped",
    ],
)
def test_job_reported_as_killed_failed_only_if_tests_did(line):
    began = "============================= test session starts ==============================\n"
    assert trial_result(attempt(), began + line, "GitHub", (TEST,)).outcome == "infrastructure"
    assert outcomes(trial_result(attempt(), FAIL.log + line, "GitHub", (TEST,))) == {TEST: "failed"}


@pytest.mark.parametrize(
    ("fields", "log"),
    [
        ({"code": -1}, ""),
        ({"code": None, "state": "expired"}, ""),
        ({"code": None, "state": "canceled"}, log_of(red=False)),
        ({"signal_reason": "agent_stop"}, ""),
        ({"code": 1}, "toomanyrequests: rate limit\n"),
    ],
)
def test_infrastructure_errors_are_no_failure(fields, log):
    result = trial_result(attempt(**fields), log, "Buildkite", (TEST,), started=True)
    assert (result.outcome, result.cells) == ("infrastructure", ())
    assert result.reason.startswith("the job gave no result: ")
    assert result.cell(TEST).outcome == "infrastructure"


NO_NAMES = "running the tests\n2 tests, 1 failed\n"


def test_failed_tests_of_a_report_are_cells_with_evidence():
    found = trial_result(attempt(), NO_NAMES, "Buildkite", reports=(junit_of(red=True),))
    assert outcomes(found) == {TEST: "failed"}
    assert found.cell(TEST).failure.signature.exception == "RuntimeError"
    assert trial_result(attempt(), NO_NAMES, "Buildkite").cell(TEST) is None


def test_test_reported_as_passed_in_a_failed_job_passed():
    result = trial_result(attempt(), NO_NAMES, "Buildkite", (PASSING, TEST), reports=(junit_of(red=True),))
    assert outcomes(result) == {TEST: "failed", PASSING: "passed"}


def test_log_of_a_job_takes_precedence_over_its_report():
    """The log also has the evidence of other processes."""
    other = log_of(red=True, other="ValueError: the log knows better")
    result = trial_result(attempt(), other, "Buildkite", (TEST,), reports=(junit_of(red=True),))
    assert outcomes(result) == {TEST: "failed"}
    assert result.cell(TEST).failure.signature.exception == "ValueError"


def test_test_skipped_in_the_report_of_a_passed_job_has_no_result():
    report = junit_of(red=False, skipped=True)
    result = trial_result(attempt("passed", 0), "", "Buildkite", (PASSING, TEST), reports=(report,))
    assert outcomes(result) == {PASSING: "passed", TEST: "skipped"}
    assert result.cell(TEST).reason == SKIPPED


@pytest.mark.parametrize("report", [b"", b"<html/>", b"<testsuite>", b"\x00"])
def test_other_content_than_a_report_is_ignored(report):
    result = trial_result(attempt(), FAIL.log, "Buildkite", (TEST,), reports=(report, junit_of(red=True)))
    assert outcomes(result) == {TEST: "failed"}
