"""Trials on a simulated farm behind both APIs: jobs that are trials, and jobs that are started."""

from __future__ import annotations

import pytest
from ci_farm import READ, Farm, at_work
from ci_job_output import CANCELED, EXPIRED, FAIL, LOST, PASS, TEST
from farmed_jobs import SERVICES, SHA, always, check, events, result, submit

from bisect_tool.errors import UsageError
from bisect_tool.executor.ci.trials import LOG
from bisect_tool.executor.event import Entered, Failed, Yielded


@pytest.mark.parametrize("service", SERVICES)
def test_finished_job_is_a_free_trial(farmed, tmp_path, service):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA)
        found = result(farmed(farm, check(service), tokens=(READ, "")), tmp_path)
    assert (found.cell(TEST).outcome, found.is_free, farm.calls) == ("failed", True, [])


@pytest.mark.parametrize("service", SERVICES)
def test_second_trial_reruns_the_job(farmed, tmp_path, service):
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        first, second = (result(executor, tmp_path, cells=(TEST,)) for _ in range(2))
    assert [each.cell(TEST).outcome for each in (first, second)] == ["failed", "passed"]
    assert (second.is_free, second.gpus, farm.started) == (False, 4, [SHA])


def test_blocked_job_is_unblocked_and_no_build_is_started(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        build = farm.build(SHA, ran=False, gate=True)
        found = result(farmed(farm, check("buildkite", allow_builds=True)), tmp_path)
    assert (found.outcome, found.is_free) == ("failed", False)
    assert [(method, path.rpartition("/jobs/")[2]) for method, path, _ in farm.calls] == [
        ("PUT", f"{build.gate}/unblock")
    ]


def test_commit_without_a_build_is_untestable_unless_builds_are_allowed(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        found = result(farmed(farm, check("buildkite")), tmp_path)
        assert (found.outcome, found.reason) == (
            "unbuildable",
            "Buildkite has no build of this commit (--allow-builds starts one)",
        )
        found = result(farmed(farm, check("buildkite", allow_builds=True)), tmp_path)
    assert (found.outcome, farm.started) == ("passed", [SHA])
    assert farm.calls[0][2]["commit"] == SHA


@pytest.mark.parametrize(("titled", "returns_run"), [(True, False), (False, True)])
def test_workflow_is_dispatched_with_the_commit_as_an_input(farmed, tmp_path, titled, returns_run):
    with at_work(Farm(always(FAIL))) as farm:
        farm.titled, farm.returns_run = titled, returns_run
        assert result(farmed(farm, check("github")), tmp_path).outcome == "unbuildable"
        found = result(farmed(farm, check("github", input="sha")), tmp_path)
    assert (found.sha, found.cell(TEST).outcome, farm.started) == (SHA, "failed", [SHA])
    assert farm.calls[0][2]["inputs"] == {"sha": SHA}


@pytest.mark.parametrize("ending", [LOST, EXPIRED, CANCELED], ids=["lost", "expired", "canceled"])
def test_lost_agent_is_infrastructure(farmed, tmp_path, ending):
    with at_work(Farm(lambda _, count: (ending, ending, PASS)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check("buildkite"))
        ours, again = (result(executor, tmp_path) for _ in range(2))
    assert (ours.outcome, ours.is_free, again.outcome) == ("infrastructure", False, "passed")
    assert farm.started == [SHA, SHA]


@pytest.mark.parametrize("service", SERVICES)
def test_call_with_a_lost_answer_is_not_repeated(farmed, tmp_path, service):
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        farm.lose = 1
        executor = farmed(farm, check(service))
        results = [result(executor, tmp_path) for _ in range(2)]
    assert [each.outcome for each in results] == ["failed", "passed"]
    assert farm.started == [SHA]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("is_killed", [False, True])
def test_job_lost_before_it_was_seen_is_the_trial(farmed, tmp_path, service, is_killed):
    with at_work(Farm(lambda _, count: (FAIL, LOST, PASS)[count], queue=0, runs=0)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service), step=9.0)
        used = [result(executor, tmp_path).job.attempt]
        if is_killed:
            submit(executor, tmp_path)
            assert executor.next_event().phase == "starting a job"
            executor = farmed(farm, check(service), step=9.0, used=used)
        found = result(executor, tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("infrastructure", False, [SHA])
    assert found.where.startswith("https://")


@pytest.mark.parametrize("service", SERVICES)
def test_killed_session_finds_its_started_job(farmed, tmp_path, service):
    """Killed after the call, while the job waits, and while it runs."""
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count], queue=3, runs=3)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        used = [result(executor, tmp_path).job.attempt]
        for phase in ("starting a job", "queued", "test"):
            executor = farmed(farm, check(service), used=used)
            submit(executor, tmp_path)
            while not (isinstance(event := executor.next_event(), Entered) and event.phase == phase):
                assert not isinstance(event, Yielded | Failed)
            if phase == "starting a job":
                assert farm.started == [SHA]
        found = result(farmed(farm, check(service), used=used), tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("passed", False, [SHA])


def test_slots_limit_the_number_of_running_jobs(farmed, tmp_path):
    shas = [f"{number:040x}" for number in range(5)]
    with at_work(Farm(always(PASS), queue=2, runs=2)) as farm:
        for sha in shas:
            farm.build(sha, ran=False, gate=True)
        executor = farmed(farm, check("buildkite"), slots=2)
        ended, left = 0, list(shas)
        while ended < len(shas):
            while executor.capacity and left:
                submit(executor, tmp_path, left.pop())
            ended += isinstance(executor.next_event(), Yielded)
    assert (farm.most, sorted(farm.started)) == (2, shas)


@pytest.mark.parametrize("ran", [True, False])
def test_two_trials_of_one_commit_share_no_job(farmed, tmp_path, ran):
    """A job started for one of them is not used by the other."""
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS)[count])) as farm:
        farm.build(SHA, ran=ran)
        executor = farmed(farm, check("buildkite"), slots=2, step=9.0)
        first = [result(executor, tmp_path)] if ran else []
        for _ in range(2):
            submit(executor, tmp_path)
        ends = [*first, *(events(executor)[-1].result for _ in range(2))]
    assert [each.outcome for each in ends] == ["failed", "passed", "passed"][: len(ends)]
    assert [each.is_free for each in ends] == [True, False, False][: len(ends)]
    assert farm.started == [SHA] * (len(ends) - 1)


def test_log_is_read_while_it_grows(farmed, tmp_path):
    with at_work(Farm(always(FAIL), runs=4)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("buildkite"))
        submit(executor, tmp_path)
        while not (isinstance(event := executor.next_event(), Entered) and event.phase == "test"):
            pass
        partial = (event.folder / "logs" / LOG).read_text()
        events(executor)
    assert "test session starts" in partial
    assert partial != FAIL.log == (event.folder / "logs" / LOG).read_text()


@pytest.mark.parametrize(
    ("service", "tokens", "message"),
    [
        ("buildkite", (READ, ""), "BISECT_RUN_BUILDKITE_WRITE_TOKEN is not set"),
        ("buildkite", (READ, READ), "the token has no permission for PUT"),
        ("github", (READ, ""), "BISECT_RUN_GITHUB_WRITE_TOKEN is not set"),
        ("github", (READ, READ), "the token has no permission for POST"),
    ],
)
def test_jobs_are_started_with_the_write_token(farmed, tmp_path, service, tokens, message):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service), tokens=tokens)
        assert result(executor, tmp_path).is_free
        with pytest.raises(UsageError, match=message):
            result(executor, tmp_path)
    assert farm.started == []


def test_executor_needs_a_read_token(farmed):
    with pytest.raises(UsageError, match="BUILDKITE_API_TOKEN is not set"):
        farmed(Farm(always(PASS)), check("buildkite"), tokens=("", ""))


def test_build_that_sets_an_excluded_variable_is_no_evidence(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA, env={"TORCH_NIGHTLY": "1"})
        found = result(farmed(farm, check("buildkite", exclude_env=("TORCH_NIGHTLY",))), tmp_path)
    assert found.outcome == "unbuildable"
