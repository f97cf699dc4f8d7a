"""Issues of other users, and changes of users to ours."""

from __future__ import annotations

import pytest
from sample_nights import candidates, cause, commit, night


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (candidates(fingerprint="a"), (candidates(fingerprint="a"), cause(fingerprint="b"))),
        (candidates(fingerprint="a", session="another"), (cause(fingerprint="b"),)),
        (candidates(fingerprint="a", session=""), (cause(fingerprint="b", session=""),)),
        (cause(fingerprint="a"), (cause(fingerprint="b", proven=False),)),
        (cause(fingerprint="a"), (cause(fingerprint="a"), cause(fingerprint="b"))),
    ],
)
def test_other_issues_are_not_taken_over(delivery, service, first, second):
    delivery(night(first))
    delivery(night(*second))
    assert len(service.issues) == 2


def test_issue_whose_label_was_removed_is_found_by_search(delivery, service):
    delivery(night(cause()))
    service.issues[0]["labels"] = []
    for _ in range(120):
        service.issue()
    delivery(night(cause("open"), commit=commit(2)))
    assert len(service.issues) == 121
    assert "`000000002`" in service.issues[0]["body"]


@pytest.mark.parametrize("login", ["mallory", "other[bot]"])
@pytest.mark.parametrize("labels", [(), ("bisect-run",)])
def test_issue_of_another_user_with_our_marker_is_not_ours(delivery, service, login, labels):
    delivery(night(cause()))
    body = service.issues.pop()["body"]
    forged = service.issue("forged", body, login, labels)
    delivery(night(cause("open")))
    delivery(night(cause("fixed")))
    assert [each["user"]["login"] for each in service.issues] == [login, "bisect-bot"]
    assert (forged["body"], forged["state"], service.comments[1]) == (body, "open", [])
    assert service.issues[1]["state"] == "closed"


def test_issue_of_another_user_is_not_taken_over(delivery, service):
    delivery(night(candidates(fingerprint="before")))
    service.issues[0]["user"] = {"login": "mallory"}
    delivery(night(cause(fingerprint="after")))
    assert len(service.issues) == 2


def test_comment_of_another_user_with_our_marker_is_not_ours(delivery, service):
    delivery(night(cause()))
    forged = "<!-- bisect-run:f1e2d3 fixed-7afe0faab1eb -->\n\nFixed by mallory.\n"
    service.comments[1].append({"body": forged, "user": {"login": "mallory"}})
    service.comments[1].append({"body": forged, "user": None})
    delivery(night(cause("fixed")))
    assert service.comments[1][-1]["body"].startswith("<!-- bisect-run:f1e2d3 fixed-7afe0faab1eb -->\n\n**F")
    assert service.issues[0]["state"] == "closed"


@pytest.mark.parametrize("login", ["github-actions[bot]", "my-app[bot]"])
def test_issues_of_an_app_are_those_of_its_bot(delivery, service, login):
    """GitHub forbids `/user` to its token."""
    service.login, service.may_label = login, False
    for state in ("new", "open", "fixed"):
        delivery(night(cause(state)))
    assert [each["state"] for each in service.issues] == ["closed"]


def test_token_without_a_visible_account_counts_as_a_workflow_token(delivery, service):
    service.login, service.has_graphql = "github-actions[bot]", False
    for state in ("new", "open"):
        delivery(night(cause(state)))
    assert len(service.issues) == 1


def test_marker_quoted_in_a_log_is_ignored(delivery, service):
    delivery(night(cause()))
    quoted = "<!-- bisect-run:other -->\n<!-- bisect-run-state:candidates -->\n<!-- /bisect-run -->\nlog"
    service.issues[0]["body"] = service.issues[0]["body"].replace("## Summary", f"{quoted}\n## Summary")
    delivery(night(cause("open"), cause(fingerprint="other")))
    assert len(service.issues) == 2
    assert service.issues[0]["body"].count("<!-- /bisect-run -->") == 1


def test_text_around_the_section_is_kept(delivery, service):
    delivery(night(cause()))
    issue = service.issues[0]
    issue["body"] = f"Watch this.\r\n\r\n{issue['body']}\r\nSee also the forum.\r\n"
    delivery(night(cause("fixed")))
    assert issue["body"].startswith("Watch this.\n\n<!-- bisect-run:f1e2d3 -->")
    assert issue["body"].endswith("<!-- /bisect-run -->\n\nSee also the forum.\n")


def test_label_pauses_an_issue(delivery, service):
    delivery(night(cause()))
    service.issues[0]["labels"].append({"name": "bisect-run:paused"})
    writes = len(service.writes)
    messages = delivery(night(cause("fixed")))
    assert messages == ["skipped issue 1: it has the label bisect-run:paused"]
    assert len(service.writes) == writes


def test_issue_closed_by_a_user_stays_closed(delivery, service):
    delivery(night(cause()))
    service.issues[0]["state"] = "closed"
    assert delivery(night(cause("open"), commit=commit(2))) == ["skipped issue 1: somebody closed it"]
    assert delivery(night(cause("fixed"))) == []
    assert service.issues[0]["state"] == "closed"


def test_issue_reopened_by_a_user_is_not_closed_again(delivery, service):
    delivery(night(cause()))
    delivery(night(cause("fixed")))
    service.issues[0]["state"] = "open"
    assert delivery(night(cause("fixed"))) == ["skipped issue 1: somebody reopened it"]
