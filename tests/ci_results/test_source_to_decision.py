"""From recorded builds and their logs to the range of a regression, as in issue 36624 of vLLM."""

from datetime import UTC, datetime, timedelta

from recorded import buildkite_build, buildkite_job

from bisect_tool.ci_results import buildkite, job_results
from bisect_tool.ci_results.log_results import with_logs
from bisect_tool.ci_results.observation import State
from bisect_tool.ci_results.series import Series
from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rerun
from bisect_tool.nightly_rules.reason import Reason

SERIES = Series("vllm/ci", message="Full CI run - nightly", excluded_environment=frozenset({"TORCH_NIGHTLY"}))
COMMITS = tuple(f"{number:040x}" for number in range(1, 9))
TESTS = ("test_external_lb_dp.py::test_completion[4]", "test_external_lb_dp.py::test_streaming[4]")
LOG = "\n".join(
    (
        "============================= test session starts ==============================",
        "=========================== short test summary info ============================",
        *(f"FAILED tests/v1/{test} - RuntimeError: engine core died" for test in TESTS),
    )
)


def night(number, *jobs, commit=None, **fields):
    return buildkite_build(*jobs, number=number, commit=COMMITS[commit or number], **fields)


def job(number, state, **fields):
    began = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)
    return buildkite_job(
        state,
        id=f"{number} {fields.get('name', '')} {state}",
        started_at=began.isoformat(),
        finished_at=(began + timedelta(hours=1)).isoformat(),
        agent={"hostname": f"gpu-{number}"},
        raw_log_url=f"log of {number}",
        **fields,
    )


def observations(builds):
    jobs = [each for build in builds for each in buildkite.observations(build, SERIES)]
    return job_results.observations(with_logs(jobs, lambda _: LOG))


def decided(builds):
    return {key.cell: each for key, each in decide(observations(builds), COMMITS).items()}


GREEN = [night(number, job(number, "passed")) for number in range(4)]
RED = [night(number, job(number, "failed")) for number in range(4, 7)]


def test_red_tests_of_a_job_are_one_bisection():
    found = decided([*GREEN, *RED])
    cells = {f"tests/v1/{test}" for test in TESTS}
    assert set(found) == cells
    (bisection,) = set(found.values())
    assert isinstance(bisection, Bisect)
    assert (bisection.good, bisection.bad, bisection.exception) == (COMMITS[3], COMMITS[4], "RuntimeError")
    assert {key.cell for key in bisection.cells} == cells


def test_red_tests_have_the_failure_chain_of_their_log():
    """Also if the decision is to run them again, before any bisection."""
    found = observations([*GREEN, RED[0]])
    failed = [each for each in found if each.state is State.FAILED]
    assert {each.key.cell for each in failed} == {f"tests/v1/{test}" for test in TESTS}
    assert {each.failure.root.headline for each in failed} == {"RuntimeError: engine core died"}
    assert {each.failure.root.source for each in failed} == {"log of 4"}
    assert [each.failure for each in found if each.state is State.PASSED] == [None] * 8


def test_first_red_night_is_run_again():
    assert {type(each) for each in decided([*GREEN, RED[0]]).values()} == {Rerun}


def test_attempt_that_passes_in_the_same_build_makes_it_flaky():
    again = night(4, job(4, "failed", retried=True), job(4, "passed"))
    assert {each.reason for each in decided([*GREEN, again]).values()} == {Reason.FLAKY}


def test_torch_nightly_changes_nothing():
    other = night(5, job(5, "passed"), env={"TORCH_NIGHTLY": "1"})
    assert decided([*GREEN, *RED, other]) == decided([*GREEN, *RED])


def test_cancelled_and_cascading_jobs_change_nothing():
    missing = [night(7, job(7, state)) for state in ("canceled", "waiting_failed")]
    assert decided([*GREEN, *RED, *missing]) == decided([*GREEN, *RED])


def test_killed_baseline_is_not_a_good_end():
    killed = night(3, job(3, "failed", exit_status=-1))
    builds = [*GREEN[:3], killed, *RED, night(7, job(7, "failed"))]
    jobs = [each for build in builds for each in buildkite.observations(build, SERIES)]
    (bisection,) = decide(jobs, COMMITS).values()
    assert (bisection.good, bisection.bad) == (COMMITS[2], COMMITS[4])


def test_revert_is_reported_as_fixed():
    fixed = [*GREEN, *RED, night(7, job(7, "passed"))]
    assert set(decided(fixed).values()) == {Nothing(Reason.FIXED, since=COMMITS[7], last_red=COMMITS[6])}


def log(failed, passed=()):
    return "\n".join(
        (
            "============================= test session starts ==============================",
            *(f"{test} PASSED" for test in passed),
            *(f"{test} FAILED" for test in failed),
            "=========================== short test summary info ============================",
            *(f"FAILED {test} - {exception}: no" for test, exception in failed.items()),
        )
    )


def decided_by_logs(logs):
    builds = [night(number, job(number, "failed")) for number in range(len(logs))]
    jobs = [each for build in builds for each in buildkite.observations(build, SERIES)]
    found = job_results.observations(with_logs(jobs, lambda url: logs[int(url.split()[-1])]))
    return {key.cell: each for key, each in decide(found, COMMITS).items()}


def test_new_failure_in_a_red_job_is_found():
    red = log({"a.py::test_old": "OSError"}, ["a.py::test_new"])
    redder = log({"a.py::test_old": "OSError", "a.py::test_new": "ValueError"})
    found = decided_by_logs([red] * 4 + [redder] * 4)
    new = found["a.py::test_new"]
    assert isinstance(new, Bisect)
    assert (new.good, new.bad, new.exception) == (COMMITS[3], COMMITS[4], "ValueError")
    assert found["a.py::test_old"].reason is Reason.NO_PASS_KNOWN


def test_order_of_reported_attempts_does_not_matter():
    again = job(4, "passed"), job(4, "failed", retried=True)
    assert {each.reason for each in decided([*GREEN, night(4, *again)]).values()} == {Reason.FLAKY}


def test_failures_on_one_host_are_infrastructure():
    jobs = [job(number, "passed", name=f"job {shard}") for number in range(4) for shard in range(4)]
    sick = [job(4, "failed", name=f"job {shard}") for shard in range(4)]
    well = {**job(4, "passed", name="job 9"), "agent": {"hostname": "gpu-9"}}
    builds = [night(4, *sick, well), *(night(number, *jobs[4 * number :][:4]) for number in range(4))]
    found = [each for build in builds for each in buildkite.observations(build, SERIES)]
    reasons = {key.job: each.reason for key, each in decide(found, COMMITS).items()}
    assert {reasons[f"job {shard}"] for shard in range(4)} == {Reason.INFRASTRUCTURE}
