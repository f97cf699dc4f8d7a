"""Started builds and runs: their job is listed late, blocked, missing, or beside those of other users."""

from __future__ import annotations

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, PASS
from farmed_jobs import SHA, always, check, events, result, submit

from bisect_tool.executor.event import Entered

ALLOWED = check("buildkite", allow_builds=True)


def sent(farm):
    return [f"{method} {path.rpartition('/')[2]}" for method, path, _ in farm.calls]


@pytest.mark.parametrize("is_killed", [False, True])
def test_build_that_lists_its_jobs_late_is_awaited(farmed, tmp_path, is_killed):
    """Its first step uploads them and may wait long for an agent."""
    with at_work(Farm(always(PASS))) as farm:
        farm.of_new = {"uploads": 40}
        executor = farmed(farm, ALLOWED, step=9.0)
        if is_killed:
            submit(executor, tmp_path)
            assert executor.next_event().phase == "starting a job"
            executor = farmed(farm, ALLOWED, step=9.0)
        found = result(executor, tmp_path)
    assert (found.outcome, found.is_free, sent(farm)) == ("passed", False, ["POST builds"])


def test_build_of_others_that_lists_its_jobs_late_is_awaited(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.build(SHA, ran=False, uploads=9)
        found = result(farmed(farm, ALLOWED, step=30.0), tmp_path)
    assert (found.outcome, found.is_free, farm.calls) == ("passed", True, [])


def test_blocked_job_of_a_started_build_is_unblocked_for_the_same_trial(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        farm.of_new = {"gate": True}
        found = result(farmed(farm, ALLOWED, step=9.0), tmp_path)
    assert (found.outcome, found.is_free) == ("failed", False)
    assert sent(farm) == ["POST builds", "PUT unblock"]


def test_started_build_that_ends_without_the_job_is_not_started_again(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.of_new = {"lacks": True}
        found = result(farmed(farm, ALLOWED), tmp_path)
    assert (found.outcome, sent(farm)) == ("unbuildable", ["POST builds"])
    assert found.reason.endswith("was started for this commit, and ended without the job")


def test_run_started_by_another_user_meanwhile_is_not_ours(farmed, tmp_path):
    """It would be canceled instead of ours."""
    with at_work(Farm(always(PASS), queue=3)) as farm:
        farm.on_answer = lambda: farm.calls and len(farm.builds) == 1 and farm.build(SHA, ran=False)
        found = result(farmed(farm, check("github", input="sha")), tmp_path)
    assert (found.job.attempt, found.is_free) == (f"1 job {farm.started_jobs[0]}", False)
    assert len(farm.builds) == 2


def test_run_of_a_pull_request_tested_its_merge_and_is_no_evidence(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA, event="pull_request")
        found = result(farmed(farm, check("github")), tmp_path)
    assert (found.outcome, found.reason) == (
        "unbuildable",
        "GitHub has no run of this workflow for this commit (--input starts one)",
    )


def test_log_uploaded_after_the_job_is_awaited(farmed, tmp_path):
    with at_work(Farm(always(FAIL), queue=2)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("github"))
        submit(executor, tmp_path)
        assert isinstance(executor.next_event(), Entered)
        farm.late_logs = 3
        found = events(executor)[-1].result
    assert (found.outcome, farm.late_logs) == ("failed", 0)
    assert [each.outcome for each in found.cells] == ["failed"]
