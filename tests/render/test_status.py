"""The table of sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sample_documents as documents

from bisect_tool.disk_usage.inventory import Inventory
from bisect_tool.disk_usage.item import Item, Kind
from bisect_tool.json_document.status import status_document, summarise
from bisect_tool.mode import Step
from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown
from bisect_tool.render.status import age, render_session, render_sessions
from bisect_tool.request import Watched
from bisect_tool.session.store import SessionRow

NOW = datetime(2026, 3, 6, 10, 47, tzinfo=UTC)


def row(session, name, document=None):
    created = "2026-03-06T10:15:00+00:00"
    return SessionRow(name, created, session.request.model_dump_json(), document and document.to_json())


def listed(*sessions, items=()):
    return status_document(sessions, Inventory(items, clones=2**20, store=4096, other=0))


def test_sessions(printed, session):
    lines = (
        summarise(row(session, "20260306-101500-1a2b"), running=True, trials=3, logs=2**20),
        summarise(row(session, "20260306-101500-2b3c"), running=False, trials=1),
        summarise(
            row(session, "20260306-101500-3c4d", documents.culprit()), running=False, trials=4, pruned=NOW
        ),
    )
    header, _, *rows, empty, repository, disk = printed(
        render_sessions(listed(*lines), NOW), 160
    ).splitlines()
    names = ["session", "command", "age", "state", "logs", "range", "conclusion"]
    assert header.split() == names
    assert [" ".join(line.split()) for line in rows] == [
        f"20260306-101500-{tag} run 32 min {state} {logs} a97954b6a..5afb387bd {conclusion}"
        for tag, state, logs, conclusion in (
            ("1a2b", "running", "1.0 MiB", "3 trials so far"),
            ("2b3c", "resumable", "0 B", "1 trial so far"),
            ("3c4d", "ended", "pruned", "culprit found: 27066d1b2"),
        )
    ]
    assert (empty, repository) == ("", f"repository: {documents.REPO}")
    assert disk == "disk: 1.0 MiB (repositories 1.0 MiB, store 4 KiB)"


def test_each_of_several_repositories_is_named(printed, session):
    other = replace(session, request=session.request.model_copy(update={"repo": "/srv/other"}))
    lines = [
        summarise(row(each, "20260306-101500-1a2b"), running=True, trials=3) for each in (session, other)
    ]
    header, _, first, second, _, *below = printed(render_sessions(listed(*lines), NOW), 160).splitlines()
    assert header.split()[-2:] == ["repository", "conclusion"]
    assert (" vllm " in first, " other " in second) == (True, True)
    assert below[:2] == [f"repository: {documents.REPO}", "repository: /srv/other"]


def test_repositories_of_the_same_name_have_more_of_their_paths(printed, session):
    paths = ("/home/ada/engine", "/srv/engine", "/srv/other/engine")
    requests = [session.request.model_copy(update={"repo": path}) for path in paths]
    lines = [
        summarise(row(replace(session, request=each), "20260306-101500-1a2b"), running=True, trials=3)
        for each in requests
    ]
    rows = printed(render_sessions(listed(*lines), NOW), 160).splitlines()[2:5]
    assert [line.split()[-5] for line in rows] == ["ada/engine", "srv/engine", "other/engine"]


def test_a_long_path_is_not_broken(printed, session):
    long = "/srv/" + "/".join(["some-folder"] * 12)
    request = session.request.model_copy(update={"repo": long})
    line = summarise(row(replace(session, request=request), "20260306-101500-1a2b"), running=True, trials=3)
    assert f"\nrepository: {long}\n" in printed(render_sessions(listed(line), NOW), 80)


def test_the_parts_of_the_home_are_counted_and_measured(printed, session, tmp_path):
    items = (
        Item(Kind.ENVIRONMENT, "f1", tmp_path, 8 * 2**30, NOW),
        Item(Kind.ENVIRONMENT, "f2", tmp_path, 8 * 2**30, NOW),
        Item(Kind.WORKTREE, "engine/slot-0", tmp_path, 2**29, NOW),
        Item(Kind.LOGS, "20260306-101500-1a2b", tmp_path, 5 * 2**20, NOW),
    )
    line = summarise(row(session, "20260306-101500-1a2b"), running=True, trials=3)
    document = listed(line, items=items)
    assert printed(render_sessions(document, NOW), 160).splitlines()[-1] == (
        "disk: 16.5 GiB (2 environments 16.0 GiB, 1 worktree 512 MiB, repositories 1.0 MiB, logs 5.0 MiB,"
        " store 4 KiB)"
    )
    assert json.loads(document.to_json())["disk"]["environments"] == {"bytes": 2**34, "number": 2}
    assert json.loads(document.to_json())["sessions"][0]["logs_pruned"] == ""


def test_a_narrow_terminal_still_shows_whole_ids(printed, session):
    line = summarise(row(session, "20260306-101500-1a2b"), running=True, trials=3)
    lines = printed(render_sessions(listed(line), NOW), 80).splitlines()
    assert any(each.startswith("20260306-101500-1a2b  run      32 min  running") for each in lines)
    for width in range(60, 120, 4):
        text = printed(render_sessions(listed(line), NOW), width)
        assert ("a97954b6a.." in text, "5afb387bd" in text) == (True, True)


def test_a_session_about_one_commit_has_no_range(session):
    step_session = replace(session, request=session.request.model_copy(update={"mode": Step()}))
    assert summarise(row(step_session, "20260306-101500-1a2b"), running=True, trials=3).range == "5afb387bd"


def test_a_session_of_a_watch_names_it(printed, session):
    watched = session.request.model_copy(update={"watched": Watched(name="unit")})
    line = summarise(row(replace(session, request=watched), "20260306-101500-1a2b"), running=True, trials=3)
    assert "  nightly unit  " in printed(render_sessions(listed(line), NOW), 160)
    assert (line.command, line.watch) == ("run", "unit")


@pytest.mark.parametrize("texts", [("{}", None), (None, "{}")])
def test_a_session_of_another_version_hides_no_other(session, texts):
    own = row(session, "20260306-101500-1a2b", documents.culprit())
    other = SessionRow(own.id, own.created, texts[0] or own.request, texts[1] or own.document)
    line = summarise(other, running=False, trials=1)
    assert (line.session, line.state) == (own.id, "unreadable")
    assert "another version" in line.conclusion


def test_no_sessions(printed):
    assert printed(render_sessions(listed(), NOW)) == "no sessions yet\n"


def test_interrupted_session_has_a_resume_line(printed):
    text = printed(render_session(documents.interrupted(), NOW))
    assert text.endswith("Resume with: bisect-run resume 20260306-101500-1a2b\n")


def test_session_of_another_process_can_be_resumed_once_that_has_ended(printed):
    assert "resum" not in printed(render_session(documents.running(), NOW))
    report = printed(render_report(documents.running()))
    how = "if it is interrupted, resume with: bisect-run resume 20260306-101500-1a2b"
    assert f"Running    in another process; {how}\n" in report
    assert "\nResume" not in report
    assert "resum" not in markdown(documents.running())


def test_a_session_that_was_resumed_beyond_its_budget_is_running(session):
    used_up = documents.inconclusive().model_copy(update={"resumable": True})
    line = summarise(row(session, "20260306-101500-1a2b", used_up), running=True, trials=3)
    assert (line.state, line.conclusion) == ("running", "3 trials so far")


def test_ended_session_has_no_resume_line(printed):
    ended = documents.interrupted().model_copy(update={"exit_code": 4, "resumable": False})
    assert "Resume" not in printed(render_session(ended, NOW))


def test_a_session_of_this_minute(printed):
    started = datetime.fromisoformat(documents.running().created)
    assert "started just now, running" in printed(render_session(documents.running(), started))


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


def test_trials_on_other_machines_have_their_place(printed):
    here = documents.trial(documents.CULPRIT, "narrow", {"c": "passed"})
    there = here.model_copy(update={"where": "GPU 4, 5"})
    plain, placed = (documents.document(trials=trials) for trials in ((here,), (here, there)))
    rows = [line for line in markdown(placed).splitlines() if " narrow " in line]
    assert [row.count("|") for row in rows] == [7, 7]
    assert "| GPU 4, 5 |" in rows[1]
    assert "where |" not in markdown(plain)
    assert "31 s, on GPU 4, 5" in printed(render_session(placed, NOW), 160)
    assert " on GPU" not in printed(render_session(plain, NOW), 160)
