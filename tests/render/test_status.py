"""The table of sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import documents
import pytest

from bisect_tool.mode import Step
from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown
from bisect_tool.render.status import age, render_session, render_sessions, summarise
from bisect_tool.session.store import SessionRow

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


def test_a_session_about_one_commit_has_no_range(session):
    asked = replace(session, request=session.request.model_copy(update={"mode": Step()}))
    assert summarise(row(asked, "20260306-101500-1a2b"), running=True, trials=3).span == "5afb387bd"


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
    text = printed(render_session(documents.interrupted(), NOW))
    assert text.endswith("Resume with: bisect-run resume 20260306-101500-1a2b\n")


def test_what_another_process_runs_can_be_resumed_only_once_that_has_ended(printed):
    assert "resum" not in printed(render_session(documents.running(), NOW))
    report = printed(render_report(documents.running()))
    how = "if it is interrupted, resume with: bisect-run resume 20260306-101500-1a2b"
    assert f"Running      in another process; {how}\n" in report
    assert "Go on  " not in report
    assert "resum" not in markdown(documents.running())


def test_a_session_that_was_resumed_beyond_its_budget_is_running(session):
    used_up = documents.inconclusive().model_copy(update={"resumable": True})
    line = summarise(row(session, "20260306-101500-1a2b", used_up), running=True, trials=3)
    assert (line.state, line.conclusion) == ("running", "3 trials so far")


def test_a_session_that_ended_does_not_go_on(printed):
    ended = documents.interrupted().model_copy(update={"exit_code": 4, "resumable": False})
    assert "Resume" not in printed(render_session(ended, NOW))


def test_a_session_of_this_minute(printed):
    began = datetime.fromisoformat(documents.running().created)
    assert "started just now, running" in printed(render_session(documents.running(), began))


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
