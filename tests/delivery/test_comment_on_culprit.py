"""Comments on the pull request of a proven culprit: exactly one."""

from __future__ import annotations

import pytest
import sample_documents as documents
from github_service import REPOSITORY, Fault
from sample_nights import candidates, cause, night

OPTIONS = {"comment_on_culprit": True}
PULL = f"/repos/{REPOSITORY}/issues/34730"


@pytest.fixture
def pull(service):
    """The culprit's pull request; earlier numbers do not exist."""
    service.issues = [None] * 34729
    return service.issue("Add shutdown timeout", pull_request={"url": "x"})


def comments(service):
    return [each["body"] for each in service.comments[34730]]


def test_pull_request_is_commented_on_once(delivery, service, pull):
    assert delivery(night(cause()), **OPTIONS) == ["commented on pull request 34730"]
    for state in ("new", "open", "open", "fixed"):
        assert delivery(night(cause(state)), **OPTIONS) == []
    assert len(comments(service)) == 1


def test_comment_has_runs_error_and_command(delivery, service, pull):
    delivery(night(cause()), **OPTIONS)
    (text,) = comments(service)
    assert text.startswith(
        "<!-- bisect-run:f1e2d3 culprit-27066d1b2bd0 -->\n\n`test_external_lb_server_info[4]`, "
    )
    assert "failed since this change landed as `27066d1b2`." in text
    assert "- `test_external_lb_server_info[4]`: 3 failed at this commit\n" in text
    assert "- before it, at `57c84ff12`: 2 passed\n" in text
    assert "```text\nEngineCore_DP1: Exception: WorkerProc initialization failed" in text
    assert f"```bash\nbisect-run --repo {documents.REPO} --good a97954b6a8fa" in text


def test_comment_of_another_user_with_our_marker_is_ignored(delivery, service, pull):
    forged = {"body": "<!-- bisect-run:f1e2d3 culprit-27066d1b2bd0 -->", "user": {"login": "mallory"}}
    service.comments[34730].append(forged)
    assert delivery(night(cause()), **OPTIONS) == ["commented on pull request 34730"]


@pytest.mark.parametrize("each", [cause(proven=False), cause("fixed"), candidates(), cause(document=None)])
def test_unproven_culprit_gets_no_comment(delivery, service, pull, each):
    assert delivery(night(each), **OPTIONS) == []
    assert service.requests == []


@pytest.mark.parametrize(
    "origin", ["https://gitlab.com/vllm-project/vllm", "git@git.example:vllm-project/vllm.git", "/srv/vllm"]
)
def test_other_repository_gets_no_comment(delivery, service, pull, origin):
    known = documents.culprit().model_copy(update={"origin": origin})
    assert delivery(night(cause(document=known)), **OPTIONS) == []
    assert service.requests == []


def test_repository_on_its_own_server_gets_a_comment(delivery, service, pull):
    delivery.environment["GITHUB_SERVER_URL"] = "https://git.example"
    known = documents.culprit().model_copy(update={"origin": "git@git.example:vllm-project/vllm.git"})
    delivery(night(cause(document=known)), **OPTIONS)
    assert len(comments(service)) == 1


def test_culprit_without_a_pull_request_gets_no_comment(delivery, service):
    known = documents.culprit().model_copy(
        update={"commits": {documents.CULPRIT: documents.commit(documents.CULPRIT, "x")}}
    )
    assert delivery(night(cause(document=known)), **OPTIONS) == []


def test_number_of_an_issue_gets_no_comment(delivery, service, pull):
    pull["pull_request"] = None
    assert delivery(night(cause()), **OPTIONS) == ["skipped 34730: it is not a pull request"]


def test_label_pauses_comments(delivery, service, pull):
    pull["labels"] = [{"name": "bisect-run:paused"}]
    assert delivery(night(cause()), **OPTIONS) == ["skipped pull request 34730: it is paused by its label"]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 500}])
def test_comment_without_an_answer_is_made_once(delivery, service, pull, done, fault):
    service.faults = [Fault("POST", f"{PULL}/comments", done=done, **fault)]
    delivery(night(cause()), **OPTIONS)
    assert len(comments(service)) == 1


def test_rejected_comment_names_the_permission(delivery, service, pull):
    service.faults = [Fault("POST", f"{PULL}/comments", status=403)]
    (line,) = delivery.failing(night(cause()), **OPTIONS)
    assert "needs the permission issues=write (for --comment-on-culprit, pull_requests=write)." in line


def test_comment_is_a_post(delivery, service, pull):
    messages = delivery(night(cause()), **OPTIONS, max_posts=0)
    assert messages == ["1 post left for the next night (--max-posts 0)"]
    assert comments(service) == []


def test_two_causes_of_one_culprit_are_two_comments(delivery, service, pull):
    delivery(night(cause(), cause(fingerprint="b", cells=("test_b[2]",))), **OPTIONS)
    assert len(comments(service)) == 2
