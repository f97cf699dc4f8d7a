"""Pages from a replayed service: requests, and messages about failures."""

from contextlib import contextmanager

import pytest
from replayed_service import Reply, replayed

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.fetch import fetch_page
from bisect_tool.triage.read_page import read_page

ISSUE = "/repos/o/p/issues/7"
TOKENS = {"GITHUB_TOKEN": "gh-secret", "BUILDKITE_API_TOKEN": "bk-secret"}
JOB = "0198a196-b376-4e2b-8420-3b9e85b48a54"


@contextmanager
def fetching(replies, tokens=None):
    """Fetch from a replayed service, without pauses."""
    with replayed(replies) as service:
        environment = {"GITHUB_API_URL": service.url, "BUILDKITE_API_URL": service.url, **(tokens or {})}
        yield lambda address: fetch_page(address, environment, lambda _: None), service


def issue(comments=None, timeline=()):
    about = {"number": 7, "title": "Red", "body": "caused by #5"}
    return {
        ISSUE: [Reply({**about, "html_url": "https://github.com/o/p/issues/7"})],
        f"{ISSUE}/comments": [comments or Reply([])],
        f"{ISSUE}/timeline": [Reply(list(timeline))],
    }


def reference(number, merged="2026-03-09T10:00:00Z", project="o/p", title="Revert #5"):
    link = {"url": f"https://api.github.com/repos/{project}/pulls/{number}", "merged_at": merged}
    about = {"number": number, "title": title, "body": "", "pull_request": link}
    return {"event": "cross-referenced", "source": {"type": "issue", "issue": about}}


def test_issue_with_two_pages_of_comments():
    first = [{"body": f"comment {number}"} for number in range(100)]
    pages = Reply(first, next_path=f"{ISSUE}/more"), Reply([{"body": "Last good commit: c911120a"}])
    replies = {**issue(pages[0]), f"{ISSUE}/more": [pages[1]]}
    with fetching(replies) as (fetch, service):
        found = analyse(read_page(fetch("o/p#7")))
    assert (found.project, found.issue, found.suspects[0].pull) == ("o/p", 7, 5)
    assert found.good.commit.value == "c911120a"
    assert found.good.commit.source.place.startswith("comment 101")
    assert all("Authorization" not in headers for _, headers in service.requests)


def test_linked_pull_request_is_a_fix_candidate():
    with fetching(issue(timeline=[reference(9)])) as (fetch, service):
        found = analyse(read_page(fetch("https://github.com/o/p/issues/7")))
    assert [(each.pull, each.landed, each.commit) for each in found.fix_candidates] == [(9, True, "")]
    assert "/repos/o/p/pulls/9" not in service.paths


def test_commits_of_merged_pull_requests_need_a_token():
    events = reference(9), reference(10, merged=None), reference(11, project="fork/p")
    replies = {**issue(timeline=events), "/repos/o/p/pulls/9": [Reply({"merge_commit_sha": "d" * 40})]}
    with fetching(replies, TOKENS) as (fetch, service):
        found = analyse(read_page(fetch("o/p#7")))
    assert {each.pull: each.commit for each in found.fix_candidates}[9] == "d" * 40
    assert [path for path in service.paths if "/pulls/" in path] == ["/repos/o/p/pulls/9"]
    assert {headers["Authorization"] for _, headers in service.requests} == {"Bearer gh-secret"}


def test_build_of_buildkite_without_a_token():
    record = {"number": 12, "commit_id": "c" * 40, "state": "failed", "path": "/o/p/builds/12", "jobs": []}
    with fetching({"/o/p/builds/12.json": [Reply(record)]}) as (fetch, _):
        found = analyse(read_page(fetch(f"https://buildkite.com/o/p/builds/12#{JOB}")))
    assert found.bad.commit.value == "c" * 40
    assert [(build.value, build.job, build.state) for build in found.builds] == [("12", JOB, "failed")]


def test_build_of_buildkite_with_a_token_has_its_jobs():
    page = "https://buildkite.com/o/p/builds/12"
    job = {"name": "Distributed (4 GPUs)", "state": "failed", "web_url": f"{page}#{JOB}"}
    record = {"number": 12, "commit": "c" * 40, "state": "failed", "web_url": page, "jobs": [job]}
    path = "/v2/organizations/o/pipelines/p/builds/12"
    with fetching({path: [Reply(record)]}, TOKENS) as (fetch, service):
        found = analyse(read_page(fetch(page)))
    assert found.bad.commit.value == "c" * 40
    assert [(build.value, build.job) for build in found.builds] == [("12", JOB)]
    assert service.requests[0][1]["Authorization"] == "Bearer bk-secret"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Reply({}, 403), "GitHub needs a token: HTTP 403"),
        (Reply({}, 404), "GitHub needs a token: HTTP 404"),
        (Reply({}, 500), "GitHub does not answer: HTTP 500 (5 tries)"),
        (Reply(b"<html>"), "GitHub does not answer: the response is not JSON (5 tries)"),
        (Reply({}, 429, {"Retry-After": "3000"}), "the rate limit of GitHub is exhausted for 50 minutes"),
    ],
)
def test_failure_explains_how_to_save_the_page(answer, why):
    with fetching({**issue(), ISSUE: [answer]}) as (fetch, _), pytest.raises(EnvironmentFailed) as failed:
        fetch("https://github.com/o/p/issues/7")
    assert failed.value.message == f"https://github.com/o/p/issues/7 cannot be fetched: {why}"
    assert failed.value.hint == (
        "Set GITHUB_TOKEN to a token with scope issues=read, or open it in a browser, save the page, "
        "and run `bisect-run triage FILE` on it."
    )


def test_token_without_the_scope_is_named():
    with (
        fetching({ISSUE: [Reply({}, 403)]}, TOKENS) as (fetch, _),
        pytest.raises(EnvironmentFailed, match="the GitHub token lacks the scope issues=read") as failed,
    ):
        fetch("o/p#7")
    assert "secret" not in f"{failed.value.message} {failed.value.hint}"


def test_anonymous_rate_limit_is_used_completely():
    headers = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "3000"}
    replies = {path: [Reply(each[0].body, headers=headers)] for path, each in issue().items()}
    with fetching(replies) as (fetch, _):
        assert analyse(read_page(fetch("o/p#7"))).issue == 7


def test_run_of_github_actions_needs_an_account():
    with pytest.raises(EnvironmentFailed) as failed:
        fetch_page("https://github.com/o/p/actions/runs/23", {})
    assert failed.value.hint == "Use: gh run view 23 --log-failed --repo o/p | bisect-run explain -"


def test_other_address_is_a_usage_error():
    with pytest.raises(UsageError, match="is not the URL of an issue or a build"):
        fetch_page("https://example.org/", {})
