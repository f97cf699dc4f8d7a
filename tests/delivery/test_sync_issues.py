"""Issues: one for each cause, found again, updated, and closed by the fix, despite errors."""

from __future__ import annotations

import sample_documents as documents
from github_service import REPOSITORY
from sample_nights import FIXED, candidates, cause, commit, night


def month():
    """The nights of one cause: found with candidates, then its culprit, red for weeks, then fixed."""
    yield night(candidates(), commit=commit(1))
    yield night(candidates("open"), commit=commit(2))
    yield from (night(cause("open"), commit=commit(number)) for number in range(3, 28))
    yield from (night(cause("fixed"), commit=commit(number)) for number in range(28, 31))


def test_month_of_nights_has_one_issue_which_is_updated_and_closed(delivery, service):
    reported = [line for each in month() for line in delivery(each)]
    (issue,) = service.issues
    assert reported == ["opened issue 1", *["updated issue 1"] * 26, "closed issue 1"]
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert issue["labels"] == [{"name": "bisect-run"}]
    found, fixed = (each["body"] for each in service.comments[1])
    assert "**Fails** at `000000003` of `origin/main`." in found
    assert "- Culprit: PR [#34730](https://github.com/vllm-project/vllm/pull/34730)" in found
    compare = f"https://github.com/vllm-project/vllm/compare/{documents.BAD}...{FIXED}"
    assert f"The fix is in [`5afb387bd..7afe0faab`]({compare})." in fixed
    assert "**Fixed**" in issue["body"]


def test_fix_is_after_the_last_commit_that_failed(delivery, service):
    red = commit(27)
    delivery(night(cause()))
    delivery(night(cause("fixed", last_red=red)))
    compare = f"https://github.com/vllm-project/vllm/compare/{red}...{FIXED}"
    assert f"The fix is in [`{red[:9]}..7afe0faab`]({compare})." in service.comments[1][-1]["body"]


def test_same_night_again_changes_nothing(delivery, service):
    delivery(night(cause()))
    writes = len(service.writes)
    assert delivery(night(cause())) == []
    assert delivery(night(cause("open"))) == []
    assert len(service.writes) == writes


def test_title_and_body_describe_the_cause(delivery, service):
    delivery(night(cause()))
    (issue,) = service.issues
    assert issue["title"] == (
        "test_external_lb_server_info[4] and 2 more cells failing since 27066d1b2 (PR 34730)"
    )
    assert issue["body"].startswith(
        "<!-- bisect-run:f1e2d3 -->\n<!-- bisect-run-state:culprit-27066d1b2bd0 -->\n"
        "<!-- bisect-run-session:20260306-101500-1a2b -->\n\n"
        "**Fails** at `5afb387bd` of `origin/main`.\n\n## Summary\n"
    )
    assert issue["body"].endswith("add the label `bisect-run:paused`.\n\n<!-- /bisect-run -->\n")


def test_title_is_updated_with_the_culprit(delivery, service):
    delivery(night(candidates()))
    assert service.issues[0]["title"].endswith("failing since one of 2 commits")
    delivery(night(cause("open")))
    assert service.issues[0]["title"].endswith("failing since 27066d1b2 (PR 34730)")


def test_resumed_bisection_takes_over_its_issue(delivery, service):
    """A budget ended it; the next night its candidates become a culprit, which is another cause."""
    delivery(night(candidates(fingerprint="before")))
    found, other = cause(fingerprint="after"), cause(fingerprint="other", cells=("test_b[2]",))
    assert delivery(night(found, other)) == ["updated issue 1", "opened issue 2"]
    assert service.issues[0]["body"].startswith("<!-- bisect-run:after -->")
    assert service.issues[0]["title"].endswith("failing since 27066d1b2 (PR 34730)")
    assert [len(service.comments[number]) for number in (1, 2)] == [1, 0]
    assert delivery(night(found, other)) == []


def test_lost_record_opens_no_second_issue(delivery, service):
    """A culprit that was found among candidates has their fingerprint as long as the home knows it."""
    delivery(night(candidates(fingerprint="of-the-candidates")))
    delivery(night(cause(fingerprint="of-the-candidates")))
    forgotten = cause("new", fingerprint="of-the-culprit")
    assert delivery(night(forgotten)) == ["updated issue 1"]
    assert delivery(night(forgotten)) == []
    assert [len(service.issues), len(service.comments[1])] == [1, 1]


def test_issue_closed_by_a_user_stays_closed_after_a_lost_record(delivery, service):
    delivery(night(cause(fingerprint="before")))
    service.issues[0]["state"] = "closed"
    assert delivery(night(cause(fingerprint="after"))) == ["skipped issue 1: somebody closed it"]
    assert len(service.issues) == 1


def test_each_cause_has_its_issue(delivery, service):
    other = cause(fingerprint="other", cells=("test_b[2]",))
    delivery(night(cause(), other))
    delivery(night(cause("open"), other.model_copy(update={"state": "fixed", "fixed_by": FIXED})))
    assert [each["state"] for each in service.issues] == ["open", "closed"]


def test_issue_is_reopened_if_its_cells_fail_again(delivery, service):
    for state in ("new", "fixed", "open", "fixed", "new"):
        delivery(night(cause(state)))
    (issue,) = service.issues
    assert issue["state"] == "open"
    firsts = [each["body"].split("\n\n")[1].split("**")[1] for each in service.comments[1]]
    assert firsts == ["Fixed", "Fails again", "Fixed", "Fails again"]


def test_issue_whose_cells_are_no_longer_run_is_closed_with_a_reason(delivery, service):
    delivery(night(cause()))
    delivery(night(cause("fixed", fixed_by="", note="Its cells are no longer run.")))
    assert service.issues[0]["state"] == "closed"
    for text in (service.issues[0]["body"], service.comments[1][-1]["body"]):
        assert "**Closed**: Its cells are no longer run." in text


def test_fixed_cause_without_an_issue_opens_none(delivery, service):
    assert delivery(night(cause("fixed"))) == []
    assert service.writes == []


def test_report_is_kept_if_its_session_was_pruned(delivery, service):
    delivery(night(cause()))
    before = service.issues[0]["body"]
    for state, expected in ("open", "**Fails** at `000000002`"), ("fixed", "**Fixed**: all cells pass again"):
        delivery(night(cause(state, document=None), commit=commit(2)))
        after = service.issues[0]["body"]
        assert expected in after
        assert after.split("## Summary")[1] == before.split("## Summary")[1]


def test_issue_is_found_on_a_later_page(delivery, service):
    delivery(night(cause()))
    for _ in range(120):
        service.issue(labels=("bisect-run",))
    delivery(night(cause("open")))
    assert len(service.issues) == 121


def test_posts_beyond_the_limit_are_left_for_the_next_night(delivery, service):
    causes = [cause(fingerprint=str(number)) for number in range(4)]
    reported = delivery(night(*causes), github_issues=REPOSITORY, max_posts=3)
    assert reported[-1] == "1 post left for the next night (--max-posts 3)"
    assert len(service.issues) == 3
    tomorrow = [each.model_copy(update={"state": "open"}) for each in causes]
    delivery(night(*tomorrow), github_issues=REPOSITORY, max_posts=3)
    assert len(service.issues) == 4


def test_update_of_the_body_is_no_post(delivery, service):
    delivery(night(cause()))
    reported = delivery(night(cause("open"), commit=commit(2)), github_issues=REPOSITORY, max_posts=0)
    assert reported == ["updated issue 1"]


def test_fix_closes_its_issue_despite_the_limit(delivery, service):
    delivery(night(cause()), github_issues=REPOSITORY, slack=True)
    delivery(night(cause("fixed")), github_issues=REPOSITORY, slack=True, max_posts=0)
    assert service.issues[0]["state"] == "closed"
    assert len(service.messages) == 2


def test_new_causes_are_posted_before_known_ones(delivery, service):
    known, new = cause("open", fingerprint="a"), cause(fingerprint="b")
    delivery(night(known, new), github_issues=REPOSITORY, max_posts=1)
    assert service.issues[0]["body"].startswith("<!-- bisect-run:b -->")


def test_body_is_truncated_to_githubs_limit(delivery, service):
    failure = documents.FAILURE.model_copy(update={"excerpt": "x " * 6_000})
    many = tuple(failure.model_copy(update={"signature": f"s{each}"}) for each in range(60))
    delivery(night(cause(document=documents.culprit().model_copy(update={"failures": many}))))
    assert len(service.issues[0]["body"]) < 65_536
