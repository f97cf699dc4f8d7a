"""Requests for issues: lost answers, runs at the same time, rejections, rate limits, tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from github_service import REPOSITORY, Fault
from sample_nights import cause, commit, night

ISSUES = f"/repos/{REPOSITORY}/issues"
TOKEN = "BISECT_RUN_GITHUB_WRITE_TOKEN"  # noqa: S105
COMMENTS = ISSUES + r"/\d+/comments"
USED_UP = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772800020"}
ONE = ISSUES + r"/\d+"


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 502}])
def test_creation_without_an_answer_makes_one_issue(delivery, service, done, fault):
    service.faults = [Fault("POST", ISSUES, done=done, **fault)]
    delivery(night(cause()))
    assert len(service.issues) == 1
    assert service.writes == [("POST", ISSUES)] * (1 if done else 2)


def test_interrupted_creation_is_found_by_the_next_night(delivery, service):
    """The search index does not have it yet, and its label was not permitted."""
    service.may_label = service.searchable = False

    def gone(found):
        found.faults += [Fault("GET", ISSUES, status=500) for _ in range(5)]

    service.faults = [Fault("POST", ISSUES, done=True, lost=True, before=gone)]
    assert any("GitHub does not answer" in line for line in delivery.failing(night(cause())))
    service.faults = []
    delivery(night(cause("open"), commit=commit(2)))
    assert len(service.issues) == 1
    assert "`000000002`" in service.issues[0]["body"]


def test_second_run_at_the_same_time_leaves_one_open_issue(delivery, service):
    """The other one, on another machine, creates its issue after our search."""

    def other_run(found):
        found.issue("theirs", found.requests[-1][3]["body"], found.login, ("bisect-run",))

    service.faults = [Fault("POST", ISSUES, status=429, headers={"Retry-After": "1"}, before=other_run)]
    delivery(night(cause()))
    first, second = service.issues
    assert (first["state"], second["state"]) == ("open", "closed")
    assert service.comments[2][0]["body"] == "Duplicate of #1, which was opened at the same time.\n"
    delivery(night(cause("fixed")))
    assert first["state"] == "closed"


def test_run_that_was_killed_after_its_comment_does_not_repeat_it(delivery, service):
    delivery(night(cause()))
    service.faults = [Fault("PATCH", ONE, status=500) for _ in range(5)]
    delivery.failing(night(cause("fixed")))
    assert delivery(night(cause("fixed"), commit=commit(2))) == ["closed issue 1"]
    assert len(service.comments[1]) == 1


@pytest.mark.parametrize("done", [True, False])
def test_comment_without_an_answer_is_made_once(delivery, service, done):
    delivery(night(cause()))
    service.faults = [Fault("POST", COMMENTS, done=done, lost=True)]
    delivery(night(cause("fixed")))
    assert len(service.comments[1]) == 1


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (
            403,
            {"X-Accepted-GitHub-Permissions": "issues=write"},
            (
                f"the token has no permission for POST {ISSUES} (a fault). "
                f"{TOKEN} needs the permission issues=write."
            ),
        ),
        (403, {}, "needs the permission issues=write (for --comment-on-culprit, pull_requests=write)."),
        (404, {}, "not found on GitHub, or not visible to the token"),
        (401, {}, "Check BISECT_RUN_GITHUB_WRITE_TOKEN: it may be wrong or expired."),
        (410, {}, "issues are disabled in the repository"),
        (301, {}, "the repository has moved"),
        (422, {}, f"GitHub rejects POST {ISSUES}: HTTP 422 a fault"),
    ],
)
def test_rejection_names_the_permission_and_is_not_retried(delivery, service, status, headers, message):
    service.faults = [Fault("POST", ISSUES, status=status, headers=headers)]
    (line,) = delivery.failing(night(cause()))
    assert line.startswith(f"could not open an issue in {REPOSITORY}: test_external_lb_server_info[4]")
    assert message in line
    assert "secret" not in line
    assert service.writes == [("POST", ISSUES)]


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 7.0),
        ({"status": 403, "headers": {"Retry-After": "30"}}, 30.0),
        ({"status": 403, "body": {"message": "You have exceeded a secondary rate limit."}}, 60.0),
        (
            {
                "status": 403,
                "body": {"message": "You have exceeded a secondary rate limit."},
                "headers": {**USED_UP, "X-RateLimit-Remaining": "17"},
            },
            60.0,
        ),
        ({"status": 403, "headers": USED_UP}, 20.0),
    ],
)
def test_rate_limit_is_waited_for(delivery, service, fault, pause):
    service.faults = [Fault("POST", ISSUES, **fault)]
    assert delivery(night(cause())) == ["opened issue 1"]
    assert delivery.clock.pauses == [pause]


def test_rate_limit_of_an_hour_is_an_error(delivery, service):
    service.faults = [Fault("POST", ISSUES, status=429, headers={"Retry-After": "3600"})]
    (line,) = delivery.failing(night(cause()))
    assert "the rate limit of GitHub is exhausted for 60 minutes" in line
    assert delivery.clock.pauses == []


def test_failed_read_is_retried(delivery, service):
    service.faults = [Fault("GET", ISSUES, status=502), Fault("GET", ISSUES, lost=True)]
    assert delivery(night(cause())) == ["opened issue 1"]
    assert delivery.clock.pauses == [1.0, 2.0]


def test_writes_are_a_second_apart(delivery, service):
    delivery(night(cause(), cause(fingerprint="a"), cause(fingerprint="b")))
    assert delivery.clock.pauses == [1.0, 1.0]


def test_unreachable_server_is_an_error_and_other_channels_are_tried(delivery, tmp_path):
    delivery.environment["GITHUB_API_URL"] = "http://127.0.0.1:9"
    messages = delivery.failing(
        night(cause()), github_issues=REPOSITORY, out=str(tmp_path / "out"), slack=True
    )
    assert any("GitHub does not answer: ConnectionError (5 tries)" in line for line in messages)
    assert messages[-1] == "posted to the webhook"
    assert (tmp_path / "out" / "nightly.md").exists()


def test_token_is_sent_and_a_netrc_does_not_replace_it(delivery, service, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    delivery(night(cause()))
    assert {each["Authorization"] for each in service.headers} == {"Bearer gh-write-secret"}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://evil.example/x", "GitHub refers to another server: http://evil.example/x"),
        ("http://[::1", "GitHub refers to what is not a URL: http://[::1"),
    ],
)
def test_another_server_does_not_get_the_token(delivery, service, url, message):
    link = {"Link": f'<{url}>; rel="next"'}
    service.faults = [Fault("GET", ISSUES, status=200, headers=link, body=[])]
    service.faults[0].body = [{"number": 9, "title": "x", "state": "open"}]
    (line,) = delivery.failing(night(cause()))
    assert message in line


def test_two_runs_of_one_home_give_one_issue(delivery, service):
    """One waits until the other has delivered."""
    with ThreadPoolExecutor(2) as pool:
        messages = [line for lines in pool.map(delivery, [night(cause())] * 2) for line in lines]
    assert "opened issue 1" in messages
    assert len(service.issues) == 1
    assert [method for method, _ in service.writes] == ["POST"]
