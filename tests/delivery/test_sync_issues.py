"""Issues: one for each cause, found again, updated, closed by the fix; whatever goes wrong in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import documents
import pytest
from github_service import REPOSITORY, Fault
from night_documents import FIXED, candidates, cause, night

ISSUES = f"/repos/{REPOSITORY}/issues"
TOKEN = "BISECT_RUN_GITHUB_WRITE_TOKEN"  # noqa: S105
COMMENTS = ISSUES + r"/\d+/comments"
USED_UP = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772800020"}
ONE = ISSUES + r"/\d+"


def commit(number):
    return f"{number:09x}".ljust(40, "0")


def month():
    """The nights of one cause: found with candidates, then its culprit, red for weeks, then fixed."""
    yield night(candidates(), commit=commit(1))
    yield night(candidates("open"), commit=commit(2))
    yield from (night(cause("open"), commit=commit(number)) for number in range(3, 28))
    yield from (night(cause("fixed"), commit=commit(number)) for number in range(28, 31))


def test_a_month_of_nights_gives_one_issue_which_is_updated_and_closed(delivery, service):
    said = [line for each in month() for line in delivery(each)]
    (issue,) = service.issues
    assert said == ["opened issue 1", *["updated issue 1"] * 26, "closed issue 1"]
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert issue["labels"] == [{"name": "bisect-run"}]
    found, fixed = (each["body"] for each in service.comments[1])
    assert "**Fails** at `000000003` of `origin/main`." in found
    assert "- Culprit: PR [#34730](https://github.com/vllm-project/vllm/pull/34730)" in found
    compare = f"https://github.com/vllm-project/vllm/compare/{documents.BAD}...{FIXED}"
    assert f"The fix is in [`5afb387bd..7afe0faab`]({compare})." in fixed
    assert "**Fixed**" in issue["body"]


def test_the_same_night_again_changes_nothing(delivery, service):
    delivery(night(cause()))
    writes = len(service.writes)
    assert delivery(night(cause())) == []
    assert delivery(night(cause("open"))) == []
    assert len(service.writes) == writes


def test_the_title_and_the_body_are_those_of_the_cause(delivery, service):
    delivery(night(cause()))
    (issue,) = service.issues
    assert issue["title"] == (
        "test_external_lb_server_info[4] and 2 more cells fail since 27066d1b2 (PR 34730)"
    )
    assert issue["body"].startswith(
        "<!-- bisect-run:f1e2d3 -->\n<!-- bisect-run-state:culprit-27066d1b2bd0 -->\n"
        "<!-- bisect-run-session:20260306-101500-1a2b -->\n\n"
        "**Fails** at `5afb387bd` of `origin/main`.\n\n## Summary\n"
    )
    assert issue["body"].endswith("the label `bisect-run:paused` stops that.\n\n<!-- /bisect-run -->\n")


def test_a_title_follows_the_culprit(delivery, service):
    delivery(night(candidates()))
    assert service.issues[0]["title"].endswith("fail since one of 2 commits")
    delivery(night(cause("open")))
    assert service.issues[0]["title"].endswith("fail since 27066d1b2 (PR 34730)")


def test_a_bisection_that_goes_on_takes_its_issue_over(delivery, service):
    """A budget ended it; the next night its candidates are a culprit, which is another cause."""
    delivery(night(candidates(fingerprint="before")))
    found, other = cause(fingerprint="after"), cause(fingerprint="other", cells=("test_b[2]",))
    assert delivery(night(found, other)) == ["updated issue 1", "opened issue 2"]
    assert service.issues[0]["body"].startswith("<!-- bisect-run:after -->")
    assert service.issues[0]["title"].endswith("fail since 27066d1b2 (PR 34730)")
    assert [len(service.comments[number]) for number in (1, 2)] == [1, 0]
    assert delivery(night(found, other)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (candidates(fingerprint="a"), (candidates(fingerprint="a"), cause(fingerprint="b"))),
        (candidates(fingerprint="a", session="another"), (cause(fingerprint="b"),)),
        (candidates(fingerprint="a", session=""), (cause(fingerprint="b", session=""),)),
        (cause(fingerprint="a"), (cause(fingerprint="b"),)),
    ],
)
def test_other_issues_are_not_taken_over(delivery, service, first, second):
    delivery(night(first))
    delivery(night(*second))
    assert len(service.issues) == 2


def test_each_cause_has_its_issue(delivery, service):
    other = cause(fingerprint="other", cells=("test_b[2]",))
    delivery(night(cause(), other))
    delivery(night(cause("open"), other.model_copy(update={"state": "fixed", "fixed_by": FIXED})))
    assert [each["state"] for each in service.issues] == ["open", "closed"]


def test_what_fails_again_is_reopened(delivery, service):
    for state in ("new", "fixed", "open", "fixed", "new"):
        delivery(night(cause(state)))
    (issue,) = service.issues
    assert issue["state"] == "open"
    firsts = [each["body"].split("\n\n")[1].split("**")[1] for each in service.comments[1]]
    assert firsts == ["Fixed", "Fails again", "Fixed", "Fails again"]


def test_issue_whose_cells_are_no_longer_run_is_closed_and_says_so(delivery, service):
    delivery(night(cause()))
    delivery(night(cause("fixed", fixed_by="", note="Its cells are no longer run.")))
    assert service.issues[0]["state"] == "closed"
    for text in (service.issues[0]["body"], service.comments[1][-1]["body"]):
        assert "**Closed**: Its cells are no longer run." in text


def test_a_fixed_cause_without_an_issue_gets_none(delivery, service):
    assert delivery(night(cause("fixed"))) == []
    assert service.writes == []


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 502}])
def test_a_creation_without_an_answer_gives_one_issue(delivery, service, done, fault):
    service.faults = [Fault("POST", ISSUES, done=done, **fault)]
    delivery(night(cause()))
    assert len(service.issues) == 1
    assert service.writes == [("POST", ISSUES)] * (1 if done else 2)


def test_a_creation_that_was_cut_off_is_found_by_the_next_night(delivery, service):
    """The search does not know it yet, and its label was not permitted."""
    service.may_label = service.searchable = False

    def gone(found):
        found.faults += [Fault("GET", ISSUES, status=500) for _ in range(5)]

    service.faults = [Fault("POST", ISSUES, done=True, lost=True, before=gone)]
    assert any("GitHub does not answer" in line for line in delivery.failing(night(cause())))
    service.faults = []
    delivery(night(cause("open"), commit=commit(2)))
    assert len(service.issues) == 1
    assert "`000000002`" in service.issues[0]["body"]


def test_a_report_stays_where_its_session_was_pruned(delivery, service):
    delivery(night(cause()))
    before = service.issues[0]["body"]
    for state, expected in ("open", "**Fails** at `000000002`"), ("fixed", "**Fixed**: all cells pass again"):
        delivery(night(cause(state, document=None), commit=commit(2)))
        after = service.issues[0]["body"]
        assert expected in after
        assert after.split("## Summary")[1] == before.split("## Summary")[1]


def test_an_issue_whose_label_was_removed_is_found_by_search(delivery, service):
    delivery(night(cause()))
    service.issues[0]["labels"] = []
    for _ in range(120):
        service.issue()
    delivery(night(cause("open"), commit=commit(2)))
    assert len(service.issues) == 121
    assert "`000000002`" in service.issues[0]["body"]


def test_an_issue_is_found_on_a_later_page(delivery, service):
    delivery(night(cause()))
    for _ in range(120):
        service.issue(labels=("bisect-run",))
    delivery(night(cause("open")))
    assert len(service.issues) == 121


def test_a_second_run_at_the_same_time_leaves_one_open_issue(delivery, service):
    """The other one, on another machine, creates its issue after we looked."""

    def other_run(found):
        found.issue("theirs", found.requests[-1][3]["body"], found.login, ("bisect-run",))

    service.faults = [Fault("POST", ISSUES, status=429, headers={"Retry-After": "1"}, before=other_run)]
    delivery(night(cause()))
    first, second = service.issues
    assert (first["state"], second["state"]) == ("open", "closed")
    assert service.comments[2][0]["body"] == "Duplicate of #1, which was opened at the same time.\n"
    delivery(night(cause("fixed")))
    assert first["state"] == "closed"


@pytest.mark.parametrize("login", ["mallory", "other[bot]"])
@pytest.mark.parametrize("labels", [(), ("bisect-run",)])
def test_an_issue_of_somebody_else_with_our_marker_is_not_ours(delivery, service, login, labels):
    delivery(night(cause()))
    body = service.issues.pop()["body"]
    forged = service.issue("forged", body, login, labels)
    delivery(night(cause("open")))
    delivery(night(cause("fixed")))
    assert [each["user"]["login"] for each in service.issues] == [login, "bisect-bot"]
    assert (forged["body"], forged["state"], service.comments[1]) == (body, "open", [])
    assert service.issues[1]["state"] == "closed"


def test_an_issue_of_somebody_else_is_not_taken_over(delivery, service):
    delivery(night(candidates(fingerprint="before")))
    service.issues[0]["user"] = {"login": "mallory"}
    delivery(night(cause(fingerprint="after")))
    assert len(service.issues) == 2


def test_a_comment_of_somebody_else_with_our_marker_is_not_ours(delivery, service):
    delivery(night(cause()))
    forged = "<!-- bisect-run:f1e2d3 fixed-7afe0faab1eb -->\n\nFixed, says mallory.\n"
    service.comments[1].append({"body": forged, "user": {"login": "mallory"}})
    service.comments[1].append({"body": forged, "user": None})
    delivery(night(cause("fixed")))
    assert service.comments[1][-1]["body"].startswith("<!-- bisect-run:f1e2d3 fixed-7afe0faab1eb -->\n\n**F")
    assert service.issues[0]["state"] == "closed"


@pytest.mark.parametrize("login", ["github-actions[bot]", "my-app[bot]"])
def test_the_issues_of_an_app_are_those_of_its_bot(delivery, service, login):
    """GitHub forbids `/user` to its token."""
    service.login, service.may_label = login, False
    for state in ("new", "open", "fixed"):
        delivery(night(cause(state)))
    assert [each["state"] for each in service.issues] == ["closed"]


def test_where_the_account_of_a_token_is_hidden_it_is_taken_for_a_workflows(delivery, service):
    service.login, service.has_graphql = "github-actions[bot]", False
    for state in ("new", "open"):
        delivery(night(cause(state)))
    assert len(service.issues) == 1


def test_a_marker_that_a_log_quotes_finds_nothing(delivery, service):
    delivery(night(cause()))
    quoted = "<!-- bisect-run:other -->\n<!-- bisect-run-state:candidates -->\n<!-- /bisect-run -->\nlog"
    service.issues[0]["body"] = service.issues[0]["body"].replace("## Summary", f"{quoted}\n## Summary")
    delivery(night(cause("open"), cause(fingerprint="other")))
    assert len(service.issues) == 2
    assert service.issues[0]["body"].count("<!-- /bisect-run -->") == 1


def test_what_people_write_around_the_section_stays(delivery, service):
    delivery(night(cause()))
    issue = service.issues[0]
    issue["body"] = f"Watch this.\r\n\r\n{issue['body']}\r\nSee also the forum.\r\n"
    delivery(night(cause("fixed")))
    assert issue["body"].startswith("Watch this.\n\n<!-- bisect-run:f1e2d3 -->")
    assert issue["body"].endswith("<!-- /bisect-run -->\n\nSee also the forum.\n")


def test_a_label_pauses_an_issue(delivery, service):
    delivery(night(cause()))
    service.issues[0]["labels"].append({"name": "bisect-run:paused"})
    writes = len(service.writes)
    said = delivery(night(cause("fixed")))
    assert said == ["left issue 1 alone: it has the label bisect-run:paused"]
    assert len(service.writes) == writes


def test_an_issue_that_somebody_closed_stays_closed(delivery, service):
    delivery(night(cause()))
    service.issues[0]["state"] = "closed"
    assert delivery(night(cause("open"), commit=commit(2))) == ["left issue 1 alone: somebody closed it"]
    assert delivery(night(cause("fixed"))) == []
    assert service.issues[0]["state"] == "closed"


def test_an_issue_that_somebody_reopened_is_not_closed_again(delivery, service):
    delivery(night(cause()))
    delivery(night(cause("fixed")))
    service.issues[0]["state"] = "open"
    assert delivery(night(cause("fixed"))) == ["left issue 1 alone: somebody reopened it"]


def test_a_run_that_was_killed_after_its_comment_does_not_repeat_it(delivery, service):
    delivery(night(cause()))
    service.faults = [Fault("PATCH", ONE, status=500) for _ in range(5)]
    delivery.failing(night(cause("fixed")))
    assert delivery(night(cause("fixed"), commit=commit(2))) == ["closed issue 1"]
    assert len(service.comments[1]) == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_comment_without_an_answer_is_made_once(delivery, service, done):
    delivery(night(cause()))
    service.faults = [Fault("POST", COMMENTS, done=done, lost=True)]
    delivery(night(cause("fixed")))
    assert len(service.comments[1]) == 1


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (
            403,
            {"X-Accepted-GitHub-Permissions": "issues=write"},
            f"the token may not POST {ISSUES} (a fault). {TOKEN} needs the permission issues=write.",
        ),
        (403, {}, "needs the permission issues=write, and pull_requests=write to comment on them."),
        (404, {}, "GitHub does not have it, or hides it from the token"),
        (401, {}, "Is BISECT_RUN_GITHUB_WRITE_TOKEN right, and not expired?"),
        (410, {}, "the repository has no issues"),
        (301, {}, "the repository has moved"),
        (422, {}, f"GitHub rejects POST {ISSUES}: HTTP 422 a fault"),
    ],
)
def test_a_rejection_says_what_is_missing_and_is_not_repeated(delivery, service, status, headers, said):
    service.faults = [Fault("POST", ISSUES, status=status, headers=headers)]
    (line,) = delivery.failing(night(cause()))
    assert line.startswith(f"could not open an issue in {REPOSITORY}: test_external_lb_server_info[4]")
    assert said in line
    assert "secret" not in line
    assert service.writes == [("POST", ISSUES)]


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 7.0),
        ({"status": 403, "headers": {"Retry-After": "30"}}, 30.0),
        ({"status": 403, "body": {"message": "You have exceeded a secondary rate limit."}}, 60.0),
        ({"status": 403, "headers": USED_UP}, 20.0),
    ],
)
def test_a_rate_limit_is_waited_for(delivery, service, fault, pause):
    service.faults = [Fault("POST", ISSUES, **fault)]
    assert delivery(night(cause())) == ["opened issue 1"]
    assert delivery.clock.pauses == [pause]


def test_a_rate_limit_of_an_hour_is_an_error(delivery, service):
    service.faults = [Fault("POST", ISSUES, status=429, headers={"Retry-After": "3600"})]
    (line,) = delivery.failing(night(cause()))
    assert "GitHub permits no request for 60 minutes" in line
    assert delivery.clock.pauses == []


def test_a_read_that_fails_is_repeated(delivery, service):
    service.faults = [Fault("GET", ISSUES, status=502), Fault("GET", ISSUES, lost=True)]
    assert delivery(night(cause())) == ["opened issue 1"]
    assert delivery.clock.pauses == [1.0, 2.0]


def test_writes_are_a_second_apart(delivery, service):
    delivery(night(cause(), cause(fingerprint="a"), cause(fingerprint="b")))
    assert delivery.clock.pauses == [1.0, 1.0]


def test_a_server_that_is_gone_is_an_error_and_the_other_channels_are_tried(delivery, tmp_path):
    delivery.environment["GITHUB_API_URL"] = "http://127.0.0.1:9"
    said = delivery.failing(night(cause()), github_issues=REPOSITORY, out=str(tmp_path / "out"), slack=True)
    assert any("GitHub does not answer: ConnectionError (5 tries)" in line for line in said)
    assert said[-1] == "posted to the webhook"
    assert (tmp_path / "out" / "nightly.md").exists()


def test_posts_beyond_the_limit_are_left_for_the_next_night(delivery, service):
    causes = [cause(fingerprint=str(number)) for number in range(4)]
    said = delivery(night(*causes), github_issues=REPOSITORY, max_posts=3)
    assert said[-1] == "1 post left for the next night (--max-posts 3)"
    assert len(service.issues) == 3
    tomorrow = [each.model_copy(update={"state": "open"}) for each in causes]
    delivery(night(*tomorrow), github_issues=REPOSITORY, max_posts=3)
    assert len(service.issues) == 4


def test_an_update_of_the_body_is_no_post(delivery, service):
    delivery(night(cause()))
    said = delivery(night(cause("open"), commit=commit(2)), github_issues=REPOSITORY, max_posts=0)
    assert said == ["updated issue 1"]


def test_a_fix_closes_its_issue_whatever_the_limit(delivery, service):
    delivery(night(cause()), github_issues=REPOSITORY, slack=True)
    delivery(night(cause("fixed")), github_issues=REPOSITORY, slack=True, max_posts=0)
    assert service.issues[0]["state"] == "closed"
    assert len(service.messages) == 2


def test_news_comes_before_what_is_known(delivery, service):
    known, new = cause("open", fingerprint="a"), cause(fingerprint="b")
    delivery(night(known, new), github_issues=REPOSITORY, max_posts=1)
    assert service.issues[0]["body"].startswith("<!-- bisect-run:b -->")


def test_the_token_is_sent_and_a_netrc_does_not_replace_it(delivery, service, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    delivery(night(cause()))
    assert {each["Authorization"] for each in service.headers} == {"Bearer gh-write-secret"}


def test_another_server_does_not_get_the_token(delivery, service):
    link = {"Link": '<http://evil.example/x>; rel="next"'}
    service.faults = [Fault("GET", ISSUES, status=200, headers=link, body=[])]
    service.faults[0].body = [{"number": 9, "title": "x", "state": "open"}]
    (line,) = delivery.failing(night(cause()))
    assert "GitHub refers to another server: http://evil.example/x" in line


def test_a_body_is_no_longer_than_github_takes(delivery, service):
    failure = documents.FAILURE.model_copy(update={"excerpt": "x " * 6_000})
    many = tuple(failure.model_copy(update={"signature": f"s{each}"}) for each in range(60))
    delivery(night(cause(document=documents.culprit().model_copy(update={"failures": many}))))
    assert len(service.issues[0]["body"]) < 65_536


def test_two_runs_of_one_home_give_one_issue(delivery, service):
    """One waits until the other has delivered."""
    with ThreadPoolExecutor(2) as pool:
        said = [line for lines in pool.map(delivery, [night(cause())] * 2) for line in lines]
    assert "opened issue 1" in said
    assert len(service.issues) == 1
    assert [method for method, _ in service.writes] == ["POST"]
