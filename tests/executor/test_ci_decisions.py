"""The next action for one more trial, from recorded jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bisect_tool.ci_results.series import Series
from bisect_tool.errors import UsageError
from bisect_tool.executor.ci import buildkite, github
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.decide import Follow, GiveUp, Use, Wait, next_action
from bisect_tool.executor.ci.jobs import CommitJobs, Stage, gpu_count, is_named

SHA = "a" * 40
SERIES = Series("ci")
NAME = "Distributed Tests (4 GPUs)"


def job(number, state="passed", **fields):
    return {"id": str(number), "type": "script", "name": NAME, "state": state, **fields}


def gate(number, **fields):
    return {"id": str(number), "type": "manual", "state": "blocked", **fields}


def build(*jobs, number=7):
    return {"number": number, "commit": SHA, "branch": "main", "jobs": list(jobs)}


def buildkite_jobs(*jobs, pattern="Distributed*"):
    return buildkite.commit_jobs([build(*jobs)], pattern, SERIES, "/builds")


START = Call("POST", "/start")


def named(action):
    """The action, with its attempt or call."""
    if isinstance(action, Call):
        return f"{action.method} {action.path}"
    attempt = getattr(action, "attempt", None)
    return type(action), attempt.id if attempt else ""


@pytest.mark.parametrize(
    ("jobs", "taken", "expected"),
    [
        ([job(1)], (), (Use, "1")),
        ([job(1, "failed", exit_status=1)], (), (Use, "1")),
        ([job(1, "failed", exit_status=1, soft_failed=True)], (), (Use, "1")),
        ([job(1, "failed", retried=True), job(2)], ("1",), (Use, "2")),
        ([job(1)], ("1",), "PUT /builds/7/jobs/1/retry"),
        ([job(1, retried=True), job(2, "running")], ("1",), (Follow, "2")),
        ([job(1, retried=True), job(2, "running")], ("1", "2"), (Wait, "")),
        ([job(1, "scheduled")], (), (Follow, "1")),
        ([job(1, "expired")], (), "PUT /builds/7/jobs/1/retry"),
        ([job(1, "canceled")], (), "PUT /builds/7/jobs/1/retry"),
        ([job(1, "failed", exit_status=-1)], (), "PUT /builds/7/jobs/1/retry"),
        ([job(1, "failed", signal_reason="agent_stop")], (), "PUT /builds/7/jobs/1/retry"),
        ([job(1, "canceling")], (), (Follow, "1")),
        ([job(1, "skipped")], (), (GiveUp, "")),
        ([job(1, "blocked"), gate(2)], (), "PUT /builds/7/jobs/2/unblock"),
    ],
)
def test_next_action_on_buildkite(jobs, taken, expected):
    assert named(next_action(buildkite_jobs(*jobs), set(taken))) == expected


@pytest.mark.parametrize(
    ("gates", "found"),
    [
        ([gate(2, step_key="block-distributed-tests--4-gpus-"), gate(3, step_key="block-lora")], ("2",)),
        ([gate(2, label="Run Lora"), gate(3, label=f"Run {NAME}")], ("3",)),
        ([gate(2, label="Run Lora"), gate(3, label="Run Quantization")], ("2", "3")),
        ([gate(2, label="Run GPU tests")], ("2",)),
    ],
)
def test_step_that_blocks_a_job(gates, found):
    (attempt,) = buildkite_jobs(job(1, "blocked"), *gates).attempts
    assert (attempt.stage, attempt.gates) == (Stage.BLOCKED, found)


def test_several_blocked_steps_are_ambiguous():
    action = next_action(buildkite_jobs(job(1, "blocked"), gate(2, label="a"), gate(3, label="b")), set())
    assert isinstance(action, GiveUp)
    assert "any of 2" in action.reason


def test_step_that_blocks_other_jobs_is_unblocked_only_if_named_after_the_job():
    both = job(1, "blocked"), job(3, "blocked", name="Lora")
    named = next_action(buildkite_jobs(*both, gate(2, label=f"Run {NAME}")), set())
    assert named.path == "/builds/7/jobs/2/unblock"
    action = next_action(replace(buildkite_jobs(*both, gate(2, label="Run all")), start=START), set())
    assert isinstance(action, GiveUp)
    assert "blocks other jobs as well" in action.reason


@pytest.mark.parametrize(
    ("state", "action", "without"),
    [("running", Wait, ()), ("creating", Wait, ()), ("passed", GiveUp, ("7",)), ("blocked", GiveUp, ("7",))],
)
def test_running_build_may_still_list_the_job(state, action, without):
    """A first step uploads it: until then no other build is started, and the commit is not skipped."""
    started = {**build(job(1, name="upload")), "state": state}
    found = buildkite.commit_jobs([started], "Distributed*", SERIES, "/builds")
    assert (type(next_action(found, set())), found.without) == (action, without)
    assert isinstance(next_action(replace(found, start=START), set()), Wait if action is Wait else Call)


def test_rejected_call_is_not_repeated():
    jobs, refused = (
        buildkite_jobs(job(1)),
        {"/builds/7/jobs/1/retry": "Buildkite rejects the call: it passed"},
    )
    assert next_action(jobs, {"1"}, refused) == GiveUp("Buildkite rejects the call: it passed")
    assert next_action(replace(jobs, start=START), {"1"}, refused) == START
    refused |= {START.path: "Buildkite rejects the call: no builds of this branch"}
    assert isinstance(next_action(replace(jobs, start=START), {"1"}, refused), GiveUp)


def test_equal_job_names_in_one_build_are_rejected():
    with pytest.raises(UsageError, match=r"2 jobs of build 7 have the name Distributed"):
        buildkite_jobs(job(1), job(2, "failed", exit_status=1))
    with pytest.raises(UsageError, match=r"2 jobs of run 9 have the name Distributed"):
        github.commit_jobs([(run(), [github_job(1), github_job(2, minute=2)])], "*", SERIES, "/actions")
    assert len(buildkite_jobs(job(1, "broken"), job(2)).attempts) == 2


def test_build_is_started_only_if_allowed():
    jobs = buildkite.commit_jobs([], "*", SERIES, "/builds")
    assert isinstance(next_action(jobs, set()), GiveUp)
    assert next_action(replace(jobs, start=START), set()) == START


def test_build_without_the_job_lists_its_jobs():
    jobs = buildkite_jobs(job(1), pattern="Lora*")
    assert jobs == CommitJobs(missing=f"no job of build 7 matches Lora* (jobs: {NAME})", builds=("7",))


def test_pattern_that_matches_several_jobs_is_rejected():
    shards = [job(1, parallel_group_index=0), job(2, parallel_group_index=1)]
    with pytest.raises(UsageError, match=r"matches 2 jobs: .* #0, .* #1"):
        buildkite_jobs(*shards)
    assert [each.id for each in buildkite_jobs(*shards, pattern="*#1").attempts] == ["2"]


def test_only_stars_and_question_marks_are_wildcards_of_job_names():
    assert is_named(NAME, "Distributed Tests (4 GPUs)")
    assert is_named("a[1]", "a[?]")
    assert not is_named("a1", "a[1]")


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        (("queue=gpu_4_queue",), 4),
        (("queue=a100", "gpus=8"), 8),
        (("self-hosted", "2-gpu-runner"), 2),
        (("queue=cpu_queue_8",), 0),
        (("linux",), 0),
    ],
)
def test_gpus_of_a_machine_by_its_labels(labels, count):
    assert gpu_count(labels) == count


def run(number=9, status="completed", **fields):
    return {"id": number, "head_sha": SHA, "head_branch": "main", "status": status, **fields}


def github_job(number, attempt=1, conclusion="success", minute=1, **fields):
    ended = {
        "status": "completed",
        "conclusion": conclusion,
        "completed_at": f"2026-03-06T10:{minute:02}:00Z",
    }
    return {"id": number, "run_attempt": attempt, "name": NAME, **ended, **fields}


@pytest.mark.parametrize(
    ("status", "jobs", "taken", "expected"),
    [
        ("completed", [github_job(1)], (), (Use, "1 job 1")),
        ("completed", [github_job(1)], ("1 job 1",), "POST /actions/jobs/1/rerun"),
        ("completed", [github_job(1), github_job(2, 2, minute=2)], ("1 job 1",), (Use, "2 job 2")),
        ("completed", [github_job(1), github_job(2, 2)], ("1 job 1",), "POST /actions/jobs/2/rerun"),
        ("in_progress", [github_job(1)], ("1 job 1",), "POST /start"),
        ("in_progress", [github_job(1, status="queued")], (), (Follow, "1 job 1")),
        ("in_progress", [], (), (Wait, "")),
        ("completed", [github_job(1, conclusion="cancelled")], (), "POST /actions/jobs/1/rerun"),
    ],
)
def test_next_action_on_github(status, jobs, taken, expected):
    """A job that was not rerun is listed again with the rerun of another one."""
    found = github.commit_jobs([(run(status=status), jobs)], "Distributed*", SERIES, "/actions")
    assert named(next_action(replace(found, start=START), set(taken))) == expected


def test_job_of_a_running_run_is_rerun_after_it():
    found = github.commit_jobs([(run(status="in_progress"), [github_job(1)])], "*", SERIES, "/actions")
    assert next_action(found, {"1 job 1"}) == Wait()


@pytest.mark.parametrize(
    ("fields", "dispatched", "tests"),
    [
        ({}, {}, True),
        ({"head_sha": "b" * 40}, {}, False),
        ({"event": "workflow_dispatch"}, {}, False),
        ({"event": "workflow_dispatch", "display_title": f"gpu {SHA}", "head_sha": "b" * 40}, {}, True),
        ({"event": "workflow_dispatch", "head_sha": "b" * 40}, {"9": SHA}, True),
        ({"event": "workflow_dispatch"}, {"9": "b" * 40}, False),
        ({"event": "issue_comment"}, {}, False),
    ],
)
def test_commit_tested_by_a_run(fields, dispatched, tests):
    assert github.tests_commit(run(**fields), SHA, dispatched, by_input=True) is tests


@pytest.mark.parametrize(
    ("title", "head", "tests"),
    [
        ("gpu", SHA, True),
        (f"gpu {'b' * 40}", SHA, False),
        (f"gpu {SHA}", SHA, True),
        (f"gpu {SHA}", "b" * 40, False),
    ],
)
def test_dispatched_run_without_input_tested_its_head_or_the_commit_in_its_title(title, head, tests):
    found = run(event="workflow_dispatch", display_title=title, head_sha=head)
    assert github.tests_commit(found, SHA, {}, by_input=False) is tests
