"""Saved HTML pages whose data are in a script, as GitHub's and Buildkite's pages have them."""

import json

import pytest

from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.read_page import read_page

COMMIT = "c911120a" + "0" * 32
COMMENT = {"__typename": "IssueComment", "author": {"login": "amy"}, "body": f"Last good commit: {COMMIT}"}
REVERT = {
    "__typename": "PullRequest",
    "number": 9,
    "title": "Revert #5",
    "url": "https://github.com/o/p/pull/9",
    "mergedAt": "2026-03-09T10:00:00Z",
    "mergeCommit": {"oid": "d" * 40},
}
ISSUE = {
    "__typename": "Issue",
    "number": 7,
    "title": "Red since Friday",
    "url": "https://github.com/o/p/issues/7",
    "body": "caused by #5, see tests/test_a.py::test_one",
    "projectItems": [{"project": {"__typename": "ProjectV2", "number": 3, "title": "Roadmap of #99"}}],
    "frontTimelineItems": {"edges": [{"node": COMMENT}, {"node": {"source": REVERT}}]},
}


def html(*scripts, shown="", kind="application/json"):
    inside = "".join(f'<script type="{kind}" data-target="x">{script}</script>' for script in scripts)
    return f"<!DOCTYPE html><html><head><title>p</title></head><body>{shown}{inside}</body></html>"


def payload(issue=None):
    return json.dumps(
        {"payload": {"queries": [{"result": {"data": {"repository": {"issue": issue or ISSUE}}}}]}}
    )


def test_data_of_an_issue_are_read():
    found = analyse(read_page(html(json.dumps({"locale": "en"}), payload(), shown="<p>Loading ...</p>")))
    assert (found.project, found.issue, found.title) == ("o/p", 7, "Red since Friday")
    assert found.good.commit.value == COMMIT
    assert [test.name for test in found.tests] == ["test_one"]
    assert [(each.pull, each.landed, each.commit) for each in found.fix_candidates] == [(9, True, "d" * 40)]


@pytest.mark.parametrize(("state", "landed"), [("MERGED", True), ("OPEN", None)])
def test_state_of_a_pull_request_shows_whether_it_was_merged(state, landed):
    pull = {**{name: REVERT[name] for name in ("__typename", "number", "title", "url")}, "state": state}
    found = analyse(read_page(html(payload({**ISSUE, "frontTimelineItems": [pull]}))))
    assert [each.landed for each in found.fix_candidates] == [landed]


def test_shown_text_is_not_read_twice():
    shown = (
        f"<h1>Red since Friday</h1><p>caused by <b>#5</b></p><p>Last good commit: <code>{COMMIT}</code></p>"
    )
    page = read_page(html(payload({**ISSUE, "body": "caused by **#5**"}), shown=shown))
    assert sum("caused by" in line.text for line in page.lines) == 1
    assert page.pulls[9].commit == "d" * 40
    assert (page.project, page.number) == ("o/p", 7)


def test_data_of_a_build_are_read():
    path = "/o/p/builds/12"
    build = {"number": 12, "commit_id": "c" * 40, "state": "failed", "path": path, "message": "night"}
    found = analyse(read_page(html(json.dumps({"build": build}))))
    assert found.bad.commit.value == "c" * 40


@pytest.mark.parametrize(
    "page",
    [
        html("{", shown="caused by #5"),
        html("", shown="caused by #5"),
        html("[1, null]", shown="caused by #5"),
        html(payload(), shown="caused by #5", kind="text/javascript"),
    ],
)
def test_scripts_without_data_change_nothing(page):
    assert [line.text for line in read_page(page).lines] == ["caused by #5"]


def test_text_of_the_data_is_sanitised():
    page = read_page(html(payload({**ISSUE, "body": "caused\x1b[31m by\u202e #5\0"})))
    assert "caused by #5" in [line.text for line in page.lines]


def test_escaped_end_of_a_script_in_its_data_is_read():
    data = payload({**ISSUE, "body": "see </script> & <!-- #5"}).replace("<", "\\u003c")
    assert "see </script> & <!-- #5" in [line.text for line in read_page(html(data)).lines]
