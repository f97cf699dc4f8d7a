"""Collect the results of a CI service: which builds and jobs count, and messages about others."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from collecting import ARTEFACTS, BUILDKITE, GITHUB, LOG, NIGHT, TEST, build_job, log_path, nights
from connected import BUILDS, RUNS
from recorded import SHA, buildkite_build, buildkite_job, github_job, github_run, job_list
from replayed_service import Reply

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.collect import SourceOptions, collect
from bisect_tool.ci_results.observation import CellKey, State
from bisect_tool.errors import UsageError


def test_failed_tests_of_buildkite_are_cells(collected):
    replies = nights(build_job(1, "passed"), build_job(2, "failed"))
    with collected({**replies, log_path(2, "job2"): [Reply(LOG.encode())]}) as (run, service, _):
        found = run(BUILDKITE)
    key = CellKey("night", "Distributed Tests (4 GPUs)", cell=TEST)
    assert [(each.key, each.commit, each.build, each.state, each.exception) for each in found] == [
        (key, SHA, "1", State.PASSED, ""),
        (key, SHA, "2", State.FAILED, "RuntimeError"),
    ]
    asked = parse_qs(urlsplit(service.requests[0][0]).query)
    assert asked["created_from"] == ["2026-02-06T00:00:00+00:00"]
    assert log_path(1, "job1") not in service.paths


def test_failed_tests_of_github_are_cells(collected):
    log = "/repos/o/r/actions/jobs/1/logs"
    job = github_job("failure", id=1, url="https://api.github.com/repos/o/r/actions/jobs/1")
    replies = {
        RUNS: [Reply({"workflow_runs": [github_run(id=7)]})],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"jobs": [job]})],
        "/repos/o/r/actions/runs/7/artifacts": [Reply({"artifacts": []})],
        log: [Reply(b"", 302, {"Location": "/blob"})],
        "/blob": [Reply("".join(f"2026-03-06T07:10:00.12Z {line}\n" for line in LOG.split("\n")).encode())],
    }
    with collected(replies) as (run, service, _):
        (found,) = run(GITHUB)
    assert (found.key, found.exception) == (CellKey("night", "gpu (1)", cell=TEST), "RuntimeError")
    assert service.paths[2:4] == [log, "/blob"]


def test_builds_of_another_kind_are_ignored(collected):
    builds = [
        buildkite_build(number=1, env={"TORCH_NIGHTLY": "1"}),
        buildkite_build(number=2, message="x"),
        buildkite_build(number=3),
    ]
    options = SourceOptions("buildkite", "vllm/ci", message="Full", exclude_env=("TORCH_NIGHTLY",))
    replies = {BUILDS: [Reply(builds)], f"{BUILDS}/3/jobs": [job_list([buildkite_job()])]}
    with collected(replies) as (run, service, _):
        assert [each.build for each in run(options)] == ["3"]
    assert service.paths == [BUILDS, f"{BUILDS}/3/jobs"]


def test_other_triggers_are_ignored_and_environments_separated(collected):
    builds = [
        buildkite_build(number=1, source="ui"),
        buildkite_build(number=2, source="schedule", env={"IMAGE": "cu130"}),
    ]
    options = SourceOptions("buildkite", "vllm/ci", trigger=("schedule",), compare_env=("IMAGE",))
    replies = {BUILDS: [Reply(builds)], f"{BUILDS}/2/jobs": [job_list([buildkite_job()])]}
    with collected(replies) as (run, _, _):
        assert [(each.build, each.key.environment) for each in run(options)] == [("2", "IMAGE=cu130")]


@pytest.mark.parametrize(
    ("builds", "jobs", "message", "hint"),
    [
        (
            [],
            [],
            "Buildkite lists no build of branch main in the last 30 days",
            "Check --branch and --days.",
        ),
        (
            [buildkite_build(number=1, message="Fix\x1b[31m a typo"), buildkite_build(number=2, message="a")],
            [],
            "no build of branch main matches; messages of the last 2 builds: Fix a typo and a",
            "Check --message, --trigger and --exclude-env.",
        ),
        ([buildkite_build(number=1)], [], "no job ran in the last build", "Check --message."),
        (
            [buildkite_build(number=1)],
            [buildkite_job(name="GPU\n(4)"), buildkite_job(name="CPU"), buildkite_job(type="waiter")],
            "no job in the last build matches Distributed; the jobs are: CPU and GPU (4)",
            "--job must match the whole name: escape ( ) [ ] . * +, or add .* to it.",
        ),
    ],
)
def test_no_matching_build_or_job_lists_their_names(collected, builds, jobs, message, hint):
    replies = {BUILDS: [Reply(builds)], f"{BUILDS}/1/jobs": [job_list(jobs)]}
    options = replace(BUILDKITE, job="Distributed")
    with collected(replies) as (run, _, _), pytest.raises(UsageError) as caught:
        run(options)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_no_matching_github_job_lists_their_names(collected):
    replies = {
        RUNS: [Reply({"workflow_runs": [github_run(id=7)]})],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"jobs": [github_job()]})],
    }
    with (
        collected(replies) as (run, _, _),
        pytest.raises(UsageError, match=r"no job in the last build matches gpu; the jobs are: gpu \(1"),
    ):
        run(replace(GITHUB, job="gpu"))


def test_many_names_are_counted(collected):
    jobs = [buildkite_job(name=f"job {number:02}") for number in range(14)]
    with (
        collected(nights(jobs[0]) | {f"{BUILDS}/1/jobs": [job_list(jobs)]}) as (run, _, _),
        pytest.raises(UsageError, match=r"the jobs are: job 00, .*, job 09 and 4 more"),
    ):
        run(replace(BUILDKITE, job="x"))


DAMAGED = "is left out: Buildkite sent a"


def test_malformed_builds_are_ignored(collected, caplog):
    builds = [
        buildkite_build(number=1),
        buildkite_build(number="\x1b[31mtwo"),
        "three",
        buildkite_build(number=4),
        buildkite_build(number=5),
    ]
    replies = {
        BUILDS: [Reply(builds)],
        f"{BUILDS}/1/jobs": [job_list([buildkite_job()])],
        f"{BUILDS}/4/jobs": [job_list([buildkite_job(exit_status="boom")])],
        f"{BUILDS}/5/jobs": [Reply({"message": "hello"})],
    }
    with collected(replies) as (run, _, notes):
        assert [each.build for each in run(BUILDKITE)] == ["1"]
    assert [note.partition(": Input should")[0] for note in notes] == [
        f"build two {DAMAGED} build that is not as documented: number",
        f"build {DAMAGED} build that is not as documented: the response",
        f"build 4 {DAMAGED} job that is not as documented: exit_status",
        f"build 5 {DAMAGED} listing that is not as documented",
    ]
    assert [each for each in caplog.messages if "left out" in each] == notes


def test_malformed_runs_are_ignored(collected):
    runs = [github_run(id=7), github_run(id=8, head_sha=None)]
    replies = {
        RUNS: [Reply({"workflow_runs": runs})],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"jobs": [github_job()]})],
        ARTEFACTS: [Reply({"artifacts": "none"})],
    }
    with collected(replies) as (run, _, notes):
        assert [each.build for each in run(GITHUB)] == ["7"]
    assert notes[0].startswith("build 8 is left out: GitHub sent a run that is not as documented: head_sha: ")
    assert notes[1].startswith("JUnit artefacts of run 7 are left out: GitHub sent a listing")


def test_deleted_build_is_ignored(collected):
    """A build may be deleted after it was listed; the replayed service answers with 404."""
    builds = {BUILDS: [Reply([buildkite_build(number=1), buildkite_build(number=2)])]}
    with collected({**builds, f"{BUILDS}/2/jobs": [job_list([buildkite_job()])]}) as (run, _, notes):
        assert [each.build for each in run(BUILDKITE)] == ["2"]
    assert notes == ["build 1 is left out: Buildkite: not found, or not visible to this token"]
    with collected(builds) as (run, _, _), pytest.raises(UnexpectedAnswer, match="2 builds could not be"):
        run(BUILDKITE)


def test_only_malformed_builds_are_an_error(collected):
    builds = [buildkite_build(number="one"), buildkite_build(number=2)]
    replies = {BUILDS: [Reply(builds)], f"{BUILDS}/2/jobs": [job_list([{}])]}
    with (
        collected(replies) as (run, _, _),
        pytest.raises(
            UnexpectedAnswer, match=r"2 builds could not be read, and no other has a job: .*number"
        ),
    ):
        run(BUILDKITE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SourceOptions("buildkite"), "--pipeline is missing"),
        (SourceOptions("buildkite", "ci"), "--pipeline ci is not valid"),
        (SourceOptions("buildkite", "a/b/../c"), "--pipeline a/b/../c is not valid"),
        (SourceOptions("github", workflow="a.yml"), "--repository is missing"),
        (SourceOptions("github", repository="o/r"), "--workflow is missing"),
        (
            SourceOptions("github", repository="o/r", workflow="a/b.yml"),
            "--workflow a/b.yml is not valid",
        ),
        (SourceOptions("buildkite", "a/b", job="("), "--job is not a regular expression"),
        (SourceOptions("buildkite", "a/b", message="["), "--message is not a regular expression"),
    ],
)
def test_wrong_option_is_named(tmp_path, options, message):
    with pytest.raises(UsageError) as caught:
        collect(options, "night", {}, tmp_path, print, NIGHT)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (
            SourceOptions("buildkite", "a/b"),
            "Set BUILDKITE_API_TOKEN to a token with read_builds and read_build_logs.",
        ),
        (
            SourceOptions("github", workflow="a.yml"),
            "Set GITHUB_TOKEN to a token with actions=read.",
        ),
    ],
)
def test_missing_token_is_named_with_its_scope(tmp_path, options, hint):
    with pytest.raises(UsageError, match="needs a token") as caught:
        collect(options, "night", {"GITHUB_REPOSITORY": "o/r"}, tmp_path, print, NIGHT)
    assert caught.value.hint == hint
