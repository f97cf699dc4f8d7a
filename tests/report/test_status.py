"""The table of sessions."""

from __future__ import annotations

from datetime import UTC, datetime

import documents
import pytest

from bisect_tool.report.status import age, render_session, render_sessions, summarise
from bisect_tool.store import SessionRow

NOW = datetime(2026, 3, 6, 10, 47, tzinfo=UTC)


def row(session, name, document=None):
    created = "2026-03-06T10:15:00+00:00"
    return SessionRow(name, created, session.request.model_dump_json(), document and document.to_json())


def test_sessions(printed, session):
    lines = (
        summarise(row(session, "20260306-101500-1a2b"), running=True, trials=3),
        summarise(row(session, "20260306-101500-2b3c"), running=False, trials=1),
        summarise(row(session, "20260306-101500-3c4d", documents.culprit()), running=False, trials=4),
    )
    header, _, *rows = printed(render_sessions(lines, NOW), 160).splitlines()
    assert header.split() == ["session", "age", "state", "range", "repository", "conclusion"]
    assert [line.split(None, 6) for line in rows] == [
        [f"20260306-101500-{tag}", "32", "min", state, "a97954b6a..5afb387bd", documents.REPO, conclusion]
        for tag, state, conclusion in (
            ("1a2b", "running", "3 trials so far"),
            ("2b3c", "resumable", "1 trial so far"),
            ("3c4d", "ended", "culprit found: 27066d1b2"),
        )
    ]


@pytest.mark.parametrize("texts", [("{}", None), (None, "{}")])
def test_a_session_of_another_version_hides_no_other(session, texts):
    ours = row(session, "20260306-101500-1a2b", documents.culprit())
    theirs = SessionRow(ours.id, ours.created, texts[0] or ours.request, texts[1] or ours.document)
    line = summarise(theirs, running=False, trials=1)
    assert (line.id, line.state) == (ours.id, "unreadable")
    assert "another version" in line.conclusion


def test_no_sessions(printed):
    assert printed(render_sessions((), NOW)) == "no sessions yet\n"


def test_interrupted_session_says_how_to_go_on(printed):
    text = printed(render_session(documents.running(), NOW, running=False))
    assert text.endswith("Go on with: bisect-run resume 20260306-101500-1a2b\n")
    assert "Go on" not in printed(render_session(documents.running(), NOW, running=True))


def test_a_session_that_ended_does_not_go_on(printed):
    ended = documents.running().model_copy(update={"exit_code": 4, "resumable": False})
    assert "Go on" not in printed(render_session(ended, NOW, running=False))


def test_a_session_of_this_minute(printed):
    began = datetime.fromisoformat(documents.running().created)
    assert "begun just now, running" in printed(render_session(documents.running(), began, running=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (47 * 3600, "47 h"),
        (172800, "2 d"),
    ],
)
def test_age(seconds, text):
    assert age(seconds) == text
