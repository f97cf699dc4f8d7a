"""The jobs to which a build's reports belong, and what reports add to logs."""

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
def test_artefact_belongs_to_the_job_in_its_name(artefact, jobs, expected):
    found = attempt_of(Artefact(artefact, at(2), ""), [job(name) for name in jobs])
    assert (found and found.key.job) == expected


@pytest.mark.parametrize(("created", "attempt"), [(at(2), "1"), (at(4), "2"), (at(0), "2"), (None, "2")])
def test_artefact_belongs_to_the_last_attempt_started_before_it(created, attempt):
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


def test_report_takes_precedence_over_the_log():
    log = JobResults(job("gpu"), {"a": "OSError"})
    found = with_reports(log, [report(a=State.FAILED), report(b=State.PASSED, c=State.MISSING)])
    assert found == JobResults(log.job, {"a": "E"}, frozenset({"b"}), is_complete=True)


def test_failure_chain_of_a_reported_test_comes_from_the_log():
    seen = object()
    log = JobResults(job("gpu"), {"a": "OSError"}, failures={"a": seen})
    (found,) = observations([with_reports(log, [report(a=State.FAILED)])])
    assert found.failure is seen


def test_failure_missing_in_reports_comes_from_the_log():
    log = JobResults(job("gpu"), {"a": "OSError"})
    assert with_reports(log, [report(b=State.PASSED)]) == JobResults(
        log.job, {"a": "OSError"}, frozenset({"b"})
    )


@pytest.mark.parametrize("state", [State.INFRASTRUCTURE, State.PENDING, State.MISSING])
def test_report_of_an_ignored_job_is_ignored(state):
    results = JobResults(job("gpu", state=state))
    assert with_reports(results, [report(a=State.FAILED)]) == results


def test_job_without_reports_is_unchanged():
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
def test_names_of_reported_tests_match_logs(reported, expected):
    log = JobResults(job("gpu"), {"tests/a.py::test_z": "E"})
    report = JobResults(job("gpu", "2"), {}, frozenset({reported}), is_complete=True)
    (found,) = with_node_ids([report], [log])
    assert found.passed == {expected}
