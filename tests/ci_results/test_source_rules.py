"""What states of CI services mean for a commit, and which builds belong to a series."""

from datetime import UTC, datetime

import pytest
from recorded import SHA, buildkite_build, buildkite_job, github_job, github_run

from bisect_tool.ci_results import buildkite, github
from bisect_tool.ci_results.answer import UnexpectedAnswer, read
from bisect_tool.ci_results.infrastructure import infrastructure_line
from bisect_tool.ci_results.job_results import JobResults
from bisect_tool.ci_results.log_results import from_log, with_logs
from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.ci_results.series import Series
from bisect_tool.delivery.issues import _SearchResult

NIGHTLY = Series(
    "vllm/ci",
    message=r"Full CI run - (nightly|daily)",
    triggers=frozenset({"schedule"}),
    excluded_environment=frozenset({"TORCH_NIGHTLY"}),
)


def state(job):
    (found,) = buildkite.observations(buildkite_build(job), NIGHTLY)
    return found.state


def github_state(job):
    (found,) = github.observations(github_run(), [job], Series("nightly"))
    return found.state


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (buildkite_job("passed"), State.PASSED),
        (buildkite_job("failed"), State.FAILED),
        (buildkite_job("timed_out"), State.FAILED),
        (buildkite_job("failed", retried=True), State.FAILED),
        (buildkite_job("failed", soft_failed=True), State.MISSING),
        (buildkite_job("passed", soft_failed=True), State.MISSING),
        (buildkite_job("waiting_failed"), State.MISSING),
        (buildkite_job("broken"), State.MISSING),
        (buildkite_job("skipped"), State.MISSING),
        (buildkite_job("canceled"), State.MISSING),
        (buildkite_job("canceling"), State.MISSING),
        (buildkite_job("expired"), State.MISSING),
        (buildkite_job("blocked"), State.MISSING),
        (buildkite_job("a state of next year"), State.MISSING),
        (buildkite_job("scheduled"), State.PENDING),
        (buildkite_job("running"), State.PENDING),
        (buildkite_job("timing_out"), State.PENDING),
        (buildkite_job("failed", exit_status=125), State.INFRASTRUCTURE),
        (buildkite_job("failed", exit_status=-1), State.INFRASTRUCTURE),
        (buildkite_job("failed", exit_status=137), State.INFRASTRUCTURE),
        (buildkite_job("failed", exit_status=134), State.FAILED),
        (buildkite_job("failed", signal_reason="agent_stop"), State.INFRASTRUCTURE),
        (buildkite_job("failed", exit_status=None), State.FAILED),
    ],
    ids=lambda value: value if isinstance(value, State) else f"{value['state']}-{value['exit_status']}",
)
def test_state_of_a_buildkite_job(job, expected):
    assert state(job) is expected


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (github_job("success"), State.PASSED),
        (github_job("failure"), State.FAILED),
        (github_job("timed_out"), State.FAILED),
        (github_job("cancelled"), State.MISSING),
        (github_job("skipped"), State.MISSING),
        (github_job("neutral"), State.MISSING),
        (github_job("stale"), State.MISSING),
        (github_job("startup_failure"), State.INFRASTRUCTURE),
        (github_job(None, status="in_progress"), State.PENDING),
        (github_job(None, status="queued"), State.PENDING),
        (
            github_job("failure", steps=[{"name": "Initialize containers", "conclusion": "failure"}]),
            State.INFRASTRUCTURE,
        ),
        (
            github_job("failure", steps=[{"name": "Run tests", "conclusion": None}]),
            State.INFRASTRUCTURE,
        ),
        (github_job("failure", steps=[]), State.FAILED),
    ],
)
def test_state_of_a_github_job(job, expected):
    assert github_state(job) is expected


def test_observation_of_a_buildkite_job():
    assert buildkite.observations(buildkite_build(buildkite_job(parallel_group_index=3)), NIGHTLY) == (
        Observation(
            CellKey("vllm/ci", "Distributed Tests (4 GPUs)", "3"),
            SHA,
            "54783",
            "0195a1b2-0001",
            State.PASSED,
            "gpu-1",
            datetime(2026, 3, 6, 7, 10, 0, 123000, tzinfo=UTC),
            datetime(2026, 3, 6, 8, 10, 0, 456000, tzinfo=UTC),
            "https://api.buildkite.com/v2/organizations/vllm/pipelines/ci/builds/1/jobs/1/log.txt",
        ),
    )


def test_observation_of_a_github_job():
    assert github.observations(github_run(), [github_job()], Series("nightly")) == (
        Observation(
            CellKey("nightly", "gpu (1)"),
            SHA,
            "30433642",
            "1 job 399444496",
            State.PASSED,
            "runner-7",
            datetime(2026, 3, 6, 7, 10, tzinfo=UTC),
            datetime(2026, 3, 6, 8, 10, tzinfo=UTC),
            "https://api.github.com/repos/o/r/actions/jobs/399444496/logs",
        ),
    )


def test_failed_attempt_is_kept_beside_the_passed_retry():
    first = buildkite_job("failed", id="1", retried=True, retried_in_job_id="2")
    found = buildkite.observations(buildkite_build(first, buildkite_job("passed", id="2")), NIGHTLY)
    assert [(each.attempt, each.state) for each in found] == [("1", State.FAILED), ("2", State.PASSED)]
    assert len({each.key for each in found}) == 1


def test_attempt_with_internal_retries_keeps_its_failures():
    first = buildkite_job("failed", id="1", exit_status=134, retried=True, retry_type="automatic")
    found = buildkite.observations(buildkite_build(first, buildkite_job("passed", id="2")), NIGHTLY)
    assert [each.state for each in found] == [State.FAILED, State.PASSED]


def test_finished_jobs_of_a_running_build_are_results():
    jobs = buildkite_job("failed", id="1"), buildkite_job("running", id="2", exit_status=None)
    found = buildkite.observations(buildkite_build(*jobs, state="running"), NIGHTLY)
    assert [each.state for each in found] == [State.FAILED, State.PENDING]


def test_job_with_an_end_before_its_start_is_a_result():
    job = buildkite_job(started_at="2026-03-06T08:00:00Z", finished_at="2026-03-06T07:59:00Z")
    assert state(job) is State.PASSED


def test_shards_of_one_name_are_separate_cells():
    shards = [buildkite_job(id=str(number), parallel_group_index=number) for number in range(2)]
    found = buildkite.observations(buildkite_build(*shards), NIGHTLY)
    assert [each.key.shard for each in found] == ["0", "1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"branch": "releases/v1"},
        {"message": "Fix a typo"},
        {"message": "Full CI run torch nightly"},
        {"message": None},
        {"source": "webhook"},
        {"env": {"TORCH_NIGHTLY": "1"}},
        {"commit": "HEAD"},
    ],
)
def test_build_of_another_kind_is_no_evidence(fields):
    assert buildkite.observations(buildkite_build(buildkite_job(), **fields), NIGHTLY) == ()


@pytest.mark.parametrize(
    "fields",
    [{"message": "Full CI run - daily"}, {"env": {"TORCH_NIGHTLY": "0"}}, {"env": None}, {"new_field": [1]}],
)
def test_build_of_the_series_is_evidence(fields):
    assert len(buildkite.observations(buildkite_build(buildkite_job(), **fields), NIGHTLY)) == 1


def test_only_watched_jobs_count():
    jobs = [
        buildkite_job(name="Distributed (4 GPUs)"),
        buildkite_job(name="Docs"),
        {"id": "1", "type": "waiter"},
    ]
    series = Series("vllm/ci", jobs="Distributed.*4 GPUs.*")
    found = buildkite.observations(buildkite_build(*jobs), series)
    assert [each.key.job for each in found] == ["Distributed (4 GPUs)"]


def test_environment_key_separates_results():
    series = Series("vllm/ci", environment=("CUDA", "IMAGE"))
    build = buildkite_build(buildkite_job(), env={"CUDA": "13", "OTHER": "x"})
    assert buildkite.observations(build, series)[0].key.environment == "CUDA=13"


def test_github_run_of_another_event_is_no_evidence():
    series = Series("nightly", triggers=frozenset({"schedule"}))
    assert github.observations(github_run(event="push"), [github_job()], series) == ()


@pytest.mark.parametrize(
    "field", ["agent", "started_at", "finished_at", "parallel_group_index", "soft_failed"]
)
def test_missing_field_is_unknown(field):
    job = buildkite_job()
    del job[field]
    assert state(job) is State.PASSED
    assert state(buildkite_job(**{field: None})) is State.PASSED


def test_invalid_time_is_unknown():
    (found,) = buildkite.observations(buildkite_build(buildkite_job(finished_at="yesterday")), NIGHTLY)
    assert found.finished is None


@pytest.mark.parametrize(
    ("build", "place"),
    [
        ({}, "number"),
        ([], "the response"),
        (buildkite_build(number="x"), "number"),
        (buildkite_build(buildkite_job(exit_status="boom")), "jobs.0.exit_status"),
    ],
)
def test_field_of_another_type_is_named(build, place):
    with pytest.raises(
        UnexpectedAnswer, match=f"Buildkite sent a build that is not as documented: {place}: "
    ):
        buildkite.observations(build, NIGHTLY)


def test_errors_name_no_internal_class():
    with pytest.raises(UnexpectedAnswer) as caught:
        read(_SearchResult, "no", "GitHub")
    assert caught.value.message == (
        "GitHub sent a search result that is not as documented: the response: Input should be an object"
    )


def test_names_from_the_service_are_sanitised():
    (found,) = buildkite.observations(buildkite_build(buildkite_job(name="a\x1b[31mb\nc")), NIGHTLY)
    assert found.key.job == "ab c"


PYTEST = """\
============================= test session starts ==============================
tests/test_dp.py::test_ok PASSED [ 50%]
tests/test_dp.py::test_load FAILED
=================================== FAILURES ===================================
__________________________________ test_load ___________________________________
    def test_load():
>       raise RuntimeError("engine core died")
E       RuntimeError: engine core died
tests/test_dp.py:7: RuntimeError
=========================== short test summary info ============================
FAILED tests/test_dp.py::test_load - RuntimeError: engine core died
"""


@pytest.mark.parametrize(
    "line",
    [
        "docker: Error response from daemon: toomanyrequests: You have reached your pull rate limit.",
        "manifest for vllm/ci:abc not found: manifest unknown",
        "write /var/lib/docker/tmp: no space left on device",
        "dial tcp 10.0.0.1:443: connect: connection refused",
    ],
)
def test_failure_before_the_tests_is_infrastructure(line):
    assert infrastructure_line(["pulling", line, "bye"]) == line
    assert infrastructure_line([PYTEST.split("\n", maxsplit=1)[0], line]) == ""


def test_recovered_error_before_the_tests_is_not_infrastructure():
    began = PYTEST.split("\n", maxsplit=1)[0]
    assert infrastructure_line(["connection refused, trying again", began]) == ""


def test_gpu_memory_of_other_processes_is_infrastructure():
    line = "ValueError: Free memory on device cuda:0 (3.1/80 GiB) on startup is less than desired GPU memory"
    assert infrastructure_line([PYTEST.split("\n", maxsplit=1)[0], line]) == line


def failed(job=None):
    (found,) = buildkite.observations(buildkite_build(job or buildkite_job("failed")), NIGHTLY)
    return found


def test_log_of_a_failed_job_names_its_tests():
    found = from_log(failed(), PYTEST)
    assert (found.job.state, found.job.exception) == (State.FAILED, "RuntimeError")
    assert found.failed == {"tests/test_dp.py::test_load": "RuntimeError"}
    assert found.passed == {"tests/test_dp.py::test_ok"}


def test_log_of_a_job_that_could_not_start_is_infrastructure():
    found = from_log(failed(), "docker: Error response from daemon: manifest unknown\n")
    assert (found.job.state, found.failed) == (State.INFRASTRUCTURE, {})


def test_killed_job_with_failed_tests_in_its_log_failed():
    killed = failed(buildkite_job("failed", exit_status=137))
    assert from_log(killed, "working\nKilled\n") == JobResults(killed)
    assert from_log(killed, PYTEST).failed
    assert from_log(killed, PYTEST).job.state is State.FAILED
    assert from_log(killed, "torch.cuda.OutOfMemoryError: CUDA out of memory\n").job.state is State.FAILED


def test_log_of_a_passed_job_is_not_read():
    passed = failed(buildkite_job("passed"))
    assert list(with_logs([passed], lambda _: pytest.fail("read"))) == [JobResults(passed)]
