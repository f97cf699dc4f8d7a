"""Whose the reports of a build are, and what they add to its logs."""

from datetime import UTC, datetime

import pytest

from bisect_tool.ci_results.job_reports import Artefact, attempt_of, with_node_ids, with_reports
from bisect_tool.ci_results.job_results import JobResults, observations
from bisect_tool.ci_results.junit_report import Report, TestResult
from bisect_tool.ci_results.observation import CellKey, Observation, State


def at(hour):
    return datetime(2026, 3, 6, hour, tzinfo=UTC)


def job(name, attempt="1", state=State.FAILED, hour=1):
    return Observation(CellKey("ci", name), "c", "1", attempt, state, started=at(hour))


@pytest.mark.parametrize(
    ("artefact", "jobs", "expected"),
    [
        ("junit-gpu-1", ["gpu (1)", "gpu (10)"], "gpu (1)"),
        ("junit-gpu-10", ["gpu (1)", "gpu (10)"], "gpu (10)"),
        ("test-results-gpu-dp", ["gpu", "gpu / dp"], "gpu / dp"),
        ("test-results", ["gpu"], "gpu"),
        ("test-results", ["gpu", "cpu"], None),
        ("junit-other", ["gpu", "cpu"], None),
    ],
)
def test_an_artefact_is_of_the_job_that_its_name_contains(artefact, jobs, expected):
    found = attempt_of(Artefact(artefact, at(2), ""), [job(name) for name in jobs])
    assert (found and found.key.job) == expected


@pytest.mark.parametrize(("created", "attempt"), [(at(2), "1"), (at(4), "2"), (at(0), "2"), (None, "2")])
def test_of_several_attempts_it_is_the_one_that_had_begun(created, attempt):
    found = attempt_of(Artefact("junit", created, ""), [job("gpu", "1", hour=1), job("gpu", "2", hour=3)])
    assert found.attempt == attempt


@pytest.mark.parametrize(
    ("name", "expected"),
    [("junit-x", True), ("Test-Results", True), ("all-test-reports", True), ("wheel", False)],
)
def test_which_artefacts_are_reports(name, expected):
    assert Artefact(name, None, "").is_report is expected


def report(**tests):
    return Report(tuple(TestResult(name, state, "E") for name, state in tests.items()), {})


def test_a_report_counts_before_the_log():
    log = JobResults(job("gpu"), {"a": "OSError"})
    found = with_reports(log, [report(a=State.FAILED), report(b=State.PASSED, c=State.MISSING)])
    assert found == JobResults(log.job, {"a": "E"}, frozenset({"b"}), is_complete=True)


def test_the_log_says_how_a_test_failed_that_a_report_has():
    seen = object()
    log = JobResults(job("gpu"), {"a": "OSError"}, failures={"a": seen})
    (found,) = observations([with_reports(log, [report(a=State.FAILED)])])
    assert found.failure is seen


def test_a_failure_that_no_report_has_is_that_of_the_log():
    log = JobResults(job("gpu"), {"a": "OSError"})
    assert with_reports(log, [report(b=State.PASSED)]) == JobResults(
        log.job, {"a": "OSError"}, frozenset({"b"})
    )


@pytest.mark.parametrize("state", [State.INFRASTRUCTURE, State.PENDING, State.MISSING])
def test_a_report_does_not_count_where_the_job_does_not(state):
    results = JobResults(job("gpu", state=state))
    assert with_reports(results, [report(a=State.FAILED)]) == results


def test_a_job_without_reports_is_as_it_was():
    results = JobResults(job("gpu"), {"a": "OSError"})
    assert with_reports(results, [report()]) == with_reports(results, []) == results


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("tests.a.TestA::test_b[x::y/z.py]", "tests/a.py::TestA::test_b[x::y/z.py]"),
        ("tests.a::test_c", "tests/a.py::test_c"),
        ("tests.ab::test_c", "tests.ab::test_c"),
        ("tests/a.py::test_c", "tests/a.py::test_c"),
        ("test_c", "test_c"),
    ],
)
def test_a_test_has_the_name_that_logs_give_it(reported, expected):
    log = JobResults(job("gpu"), {"tests/a.py::test_z": "E"})
    report = JobResults(job("gpu", "2"), {}, frozenset({reported}), is_complete=True)
    (found,) = with_node_ids([report], [log])
    assert found.passed == {expected}
