"""Pages from the network: what is requested, and the message where it fails."""

import json
from dataclasses import dataclass

import pytest
import requests

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.fetch import fetch_page
from bisect_tool.triage.read_page import read_page

API = "https://api.github.com/repos/o/p/issues/7"


@dataclass
class Answer:
    body: bytes
    status_code: int = 200

    @property
    def ok(self):
        return self.status_code < 400

    def iter_content(self, _size):
        yield self.body

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def web(monkeypatch):
    """Answers by URL; what is not there is a 404."""
    answers = {}

    def get(url, **_):
        found = answers.get(url, Answer(b"{}", 404))
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(requests, "get", get)
    return answers


def issue(web, comments=()):
    web[API] = Answer(
        json.dumps(
            {
                "number": 7,
                "title": "Red",
                "body": "caused by #5",
                "html_url": "https://github.com/o/p/issues/7",
            }
        ).encode()
    )
    web[f"{API}/comments?per_page=100&page=1"] = Answer(json.dumps(comments[:100]).encode())
    web[f"{API}/comments?per_page=100&page=2"] = Answer(json.dumps(comments[100:]).encode())
    web[f"{API}/timeline?per_page=100&page=1"] = Answer(b"[]")


def test_issue_with_two_pages_of_comments(web):
    comments = [{"body": f"comment {number}"} for number in range(100)] + [
        {"body": "Last good commit: c911120a"}
    ]
    issue(web, comments)
    found = analyse(read_page(fetch_page("o/p#7")))
    assert (found.project, found.issue, found.suspects[0].pull) == ("o/p", 7, 5)
    assert found.good.commit.value == "c911120a"
    assert found.good.commit.source.place.startswith("comment 101")


def test_build_of_buildkite(web):
    page = "https://buildkite.com/o/p/builds/12"
    record = {"number": 12, "commit_id": "c" * 40, "state": "failed", "path": "/o/p/builds/12", "jobs": []}
    web[f"{page}.json"] = Answer(json.dumps(record).encode())
    job = "0198a196-b376-4e2b-8420-3b9e85b48a54"
    found = analyse(read_page(fetch_page(f"{page}#{job}")))
    assert found.bad.commit.value == "c" * 40
    assert [(build.value, build.job, build.state) for build in found.builds] == [("12", job, "failed")]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(b"{}", 403), "HTTP 403"),
        (Answer(b"<html>"), "the answer is no JSON"),
        (requests.ConnectionError("secret"), "ConnectionError"),
        (requests.Timeout(), "Timeout"),
    ],
)
def test_failure_says_how_to_save_the_page(web, answer, why):
    issue(web)
    web[API] = answer
    with pytest.raises(EnvironmentFailed) as failed:
        fetch_page("https://github.com/o/p/issues/7")
    assert failed.value.message == f"https://github.com/o/p/issues/7 cannot be fetched: {why}"
    assert failed.value.hint == (
        "Open it in a browser, save the page, and run `bisect-run triage FILE` on it."
    )


def test_run_of_github_actions_needs_an_account(web):
    with pytest.raises(EnvironmentFailed) as failed:
        fetch_page("https://github.com/o/p/actions/runs/23")
    assert failed.value.hint == "gh run view 23 --log-failed --repo o/p | bisect-run explain -"


def test_other_address_is_misuse(web):
    with pytest.raises(UsageError, match="names no issue and no build"):
        fetch_page("https://example.org/")
