"""Results of tests in attempts whose logs are not read: implied passes, and unknown results."""

import pytest

from bisect_tool.ci_results.job_results import JobResults, observations
from bisect_tool.ci_results.observation import CellKey, Observation, State


def job(state, build="1", name="dp", shard="", environment=""):
    return Observation(CellKey("ci", name, shard, environment=environment), "c", build, f"{build}a", state)


def observed(*results):
    return [(each.build, each.key.cell, each.state.value, each.exception) for each in observations(results)]


def failed(build="1", tests=None, passed=(), **where):
    tests = {"t": "OSError"} if tests is None else tests
    return JobResults(job(State.FAILED, build, **where), tests, frozenset(passed))


@pytest.mark.parametrize("state", [State.PASSED, State.INFRASTRUCTURE, State.PENDING, State.MISSING])
def test_failed_test_has_the_state_of_its_job_in_other_builds(state):
    assert observed(failed("1"), JobResults(job(state, "2"))) == [
        ("1", "t", "failed", "OSError"),
        ("2", "t", state.value, ""),
    ]


def test_test_missing_in_another_failed_log_is_unknown():
    found = observed(failed("1"), failed("2", {"u": "ValueError"}))
    assert found == [("1", "t", "failed", "OSError"), ("2", "u", "failed", "ValueError")]


def test_test_listed_as_passed_in_a_failed_log_passed():
    found = observed(failed("1"), failed("2", {"u": ""}, passed={"t", "v"}))
    assert found == [("1", "t", "failed", "OSError"), ("2", "t", "passed", ""), ("2", "u", "failed", "")]


@pytest.mark.parametrize("where", [{"name": "other"}, {"shard": "1"}, {"environment": "CUDA=13"}])
def test_other_jobs_shards_and_environments_imply_no_result(where):
    found = observed(failed("1"), JobResults(job(State.PASSED, "2", **where)))
    assert found == [("1", "t", "failed", "OSError"), ("2", "", "passed", "")]


def test_job_without_failed_tests_is_one_cell():
    found = observed(JobResults(job(State.PASSED, "1")), JobResults(job(State.FAILED, "2")))
    assert found == [("1", "", "passed", ""), ("2", "", "failed", "")]


def test_job_that_failed_without_a_test_is_a_cell_beside_its_tests():
    found = observed(failed("1"), JobResults(job(State.PASSED, "2")), JobResults(job(State.FAILED, "3")))
    assert found == [
        ("1", "t", "failed", "OSError"),
        ("2", "t", "passed", ""),
        ("2", "", "passed", ""),
        ("3", "", "failed", ""),
    ]


def test_complete_report_implies_no_other_passes():
    complete = JobResults(job(State.PASSED, "2"), {}, frozenset({"u"}), is_complete=True)
    assert observed(failed("1"), complete, JobResults(job(State.PASSED, "3"))) == [
        ("1", "t", "failed", "OSError"),
        ("2", "u", "passed", ""),
        ("3", "t", "passed", ""),
        ("3", "u", "passed", ""),
    ]
