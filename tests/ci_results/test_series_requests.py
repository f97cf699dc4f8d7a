"""Which builds, runs and jobs are requested of a service, page by page."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from connected import BUILDS, RUNS, listing
from recorded import buildkite_build, buildkite_job, github_job, github_run, job_list
from replayed_service import Reply

from bisect_tool.ci_results import buildkite_client, github_client
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.observation import State
from bisect_tool.ci_results.series import Series

SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def asked(service, path):
    return [parse_qs(urlsplit(each).query) for each, _ in service.requests if each.partition("?")[0] == path]


def test_buildkite_jobs_are_requested_only_for_builds_of_the_series(connect):
    builds = [buildkite_build(number=1), buildkite_build(number=2, message="Fix a typo")]
    replies = {
        BUILDS: [Reply(builds, next_path=f"{BUILDS}/page2")],
        f"{BUILDS}/page2": [Reply([buildkite_build(number=3)])],
        f"{BUILDS}/1/jobs": [job_list([buildkite_job("failed", id="a")], next_path=f"{BUILDS}/1/more")],
        f"{BUILDS}/1/more": [Reply([buildkite_job("passed", id="b")])],  # a plain list, as others are
        f"{BUILDS}/3/jobs": [job_list([])],
    }
    series = Series("vllm/ci", message="Full CI run - nightly")
    with connect(replies) as (client, service, _):
        found = list(buildkite_client.read_series(client, "vllm/ci", listing(series), SINCE))
    assert [(each.build, each.state) for each in found] == [("1", State.FAILED), ("1", State.PASSED)]
    assert service.paths == [
        BUILDS,
        f"{BUILDS}/1/jobs",
        f"{BUILDS}/1/more",
        f"{BUILDS}/page2",
        f"{BUILDS}/3/jobs",
    ]
    assert parse_qs(urlsplit(service.requests[0][0]).query) == {
        "branch": ["main"],
        "created_from": ["2026-03-01T00:00:00+00:00"],
        "exclude_jobs": ["true"],
        "per_page": ["100"],
    }
    assert parse_qs(urlsplit(service.requests[1][0]).query)["include_retried_jobs"] == ["true"]
    assert service.requests[0][1]["Authorization"] == "Bearer bk-secret"


def test_github_jobs_are_requested_for_all_attempts(connect):
    jobs = [github_job("failure", run_attempt=1), github_job("success", id=2, run_attempt=2)]
    replies = {
        RUNS: [
            Reply({"total_count": 2, "workflow_runs": [github_run(id=7), github_run(id=8, event="push")]})
        ],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"total_count": 2, "jobs": jobs})],
    }
    series = Series("nightly", triggers=frozenset({"schedule"}))
    with connect(replies, github_client) as (client, service, _):
        found = list(github_client.read_series(client, "o/r", "nightly.yml", listing(series), SINCE))
    assert [each.state for each in found] == [State.FAILED, State.PASSED]
    assert parse_qs(urlsplit(service.requests[1][0]).query)["filter"] == ["all"]


def test_more_runs_than_github_lists_are_requested_by_time(connect, monkeypatch):
    monkeypatch.setattr(github_client, "LIMIT", 2)
    runs = [github_run(id=number, created_at=f"2026-03-0{number}T07:00:00Z") for number in (5, 4, 3, 2)]
    replies = {
        RUNS: [Reply({"workflow_runs": each}) for each in (runs[:2], runs[1:3], runs[2:], [])],
        **{f"/repos/o/r/actions/runs/{each['id']}/jobs": [Reply({"jobs": [github_job()]})] for each in runs},
    }
    with connect(replies, github_client) as (client, service, _):
        found = list(github_client.read_series(client, "o/r", "nightly.yml", listing(), SINCE))
    assert [each.build for each in found] == ["5", "4", "3", "2"]
    assert [each["created"] for each in asked(service, RUNS)] == [
        [">=2026-03-01T00:00:00+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-04T07:00:01+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-03T07:00:01+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-02T07:00:01+00:00"],
    ]


def test_more_builds_than_buildkite_lists_are_requested_by_time(connect, monkeypatch):
    monkeypatch.setattr(buildkite_client, "_PAGE", 1)
    monkeypatch.setattr(buildkite_client, "_PAGES", 2)
    builds = [
        buildkite_build(number=number, created_at=f"2026-03-0{number}T07:00:00.000Z") for number in (5, 4, 3)
    ]
    replies = {
        BUILDS: [Reply(builds[:1], next_path=f"{BUILDS}/page2"), Reply(builds[2:])],
        f"{BUILDS}/page2": [Reply(builds[1:2], next_path=f"{BUILDS}/page3")],
        **{f"{BUILDS}/{each['number']}/jobs": [job_list([buildkite_job()])] for each in builds},
    }
    with connect(replies) as (client, service, _):
        found = list(buildkite_client.read_series(client, "vllm/ci", listing(), SINCE))
    assert [each.build for each in found] == ["5", "4", "3"]
    assert [each.get("created_to") for each in asked(service, BUILDS)] == [
        None,
        ["2026-03-04T07:00:01+00:00"],
    ]
    assert f"{BUILDS}/page3" not in service.paths


@pytest.mark.parametrize("body", [{"message": "hello"}, [], "text", None])
def test_malformed_listing_is_an_unexpected_answer(connect, body):
    with connect({RUNS: [Reply(body)]}, github_client) as (client, _, _), pytest.raises(UnexpectedAnswer):
        list(github_client.read_series(client, "o/r", "nightly.yml", listing(), SINCE))
