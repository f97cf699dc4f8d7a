"""Comments on the pull request of a proven culprit: one, whatever happens."""

from __future__ import annotations

import pytest
import sample_documents as documents
from github_service import REPOSITORY, Fault
from sample_nights import candidates, cause, night

OPTIONS = {"comment_on_culprit": True}
PULL = f"/repos/{REPOSITORY}/issues/34730"


@pytest.fixture
def pull(service):
    """The culprit's pull request; the others before it are not made."""
    service.issues = [None] * 34729
    return service.issue("Add shutdown timeout", pull_request={"url": "x"})


def comments(service):
    return [each["body"] for each in service.comments[34730]]


def test_it_is_commented_on_once(delivery, service, pull):
    assert delivery(night(cause()), **OPTIONS) == ["commented on pull request 34730"]
    for state in ("new", "open", "open", "fixed"):
        assert delivery(night(cause(state)), **OPTIONS) == []
    assert len(comments(service)) == 1


def test_the_comment_has_the_runs_the_error_and_the_command(delivery, service, pull):
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


def test_a_comment_of_somebody_else_with_our_marker_does_not_count(delivery, service, pull):
    forged = {"body": "<!-- bisect-run:f1e2d3 culprit-27066d1b2bd0 -->", "user": {"login": "mallory"}}
    service.comments[34730].append(forged)
    assert delivery(night(cause()), **OPTIONS) == ["commented on pull request 34730"]


@pytest.mark.parametrize("each", [cause(proven=False), cause("fixed"), candidates(), cause(document=None)])
def test_nobody_is_told_of_what_is_not_proven(delivery, service, pull, each):
    assert delivery(night(each), **OPTIONS) == []
    assert service.requests == []


@pytest.mark.parametrize(
    "origin", ["https://gitlab.com/vllm-project/vllm", "git@git.example:vllm-project/vllm.git", "/srv/vllm"]
)
def test_a_repository_elsewhere_gets_no_comment(delivery, service, pull, origin):
    known = documents.culprit().model_copy(update={"origin": origin})
    assert delivery(night(cause(document=known)), **OPTIONS) == []
    assert service.requests == []


def test_a_repository_of_an_own_server_gets_it(delivery, service, pull):
    delivery.environment["GITHUB_SERVER_URL"] = "https://git.example"
    known = documents.culprit().model_copy(update={"origin": "git@git.example:vllm-project/vllm.git"})
    delivery(night(cause(document=known)), **OPTIONS)
    assert len(comments(service)) == 1


def test_a_culprit_without_a_pull_request_gets_none(delivery, service):
    known = documents.culprit().model_copy(
        update={"commits": {documents.CULPRIT: documents.commit(documents.CULPRIT, "x")}}
    )
    assert delivery(night(cause(document=known)), **OPTIONS) == []


def test_a_number_that_is_an_issue_is_left_alone(delivery, service, pull):
    pull["pull_request"] = None
    assert delivery(night(cause()), **OPTIONS) == ["skipped 34730: it is not a pull request"]


def test_a_label_pauses_it(delivery, service, pull):
    pull["labels"] = [{"name": "bisect-run:paused"}]
    assert delivery(night(cause()), **OPTIONS) == ["skipped pull request 34730: it is paused by its label"]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 500}])
def test_a_comment_without_an_answer_is_made_once(delivery, service, pull, done, fault):
    service.faults = [Fault("POST", f"{PULL}/comments", done=done, **fault)]
    delivery(night(cause()), **OPTIONS)
    assert len(comments(service)) == 1


def test_a_comment_that_is_refused_names_the_permission(delivery, service, pull):
    service.faults = [Fault("POST", f"{PULL}/comments", status=403)]
    (line,) = delivery.failing(night(cause()), **OPTIONS)
    assert "needs the permission issues=write (for --comment-on-culprit, pull_requests=write)." in line


def test_a_comment_is_a_post(delivery, service, pull):
    said = delivery(night(cause()), **OPTIONS, max_posts=0)
    assert said == ["1 post left for the next night (--max-posts 0)"]
    assert comments(service) == []


def test_two_causes_of_one_culprit_are_two_comments(delivery, service, pull):
    delivery(night(cause(), cause(fingerprint="b", cells=("test_b[2]",))), **OPTIONS)
    assert len(comments(service)) == 2
