"""Trials of earlier sessions are reused in a later one only if they would have the same result there."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from each_once import each_once
from projects import NullObserver
from suites import write_scenario

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import ReproOptions, RunOptions, StepOptions
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

CELL = "test_small"


@pytest.fixture
def scenario(tmp_path):
    log = tmp_path / "log"
    for code in range(3):
        log.with_name(f"log.open-{code}").touch()
    return write_scenario(tmp_path / "scenario", log)


@pytest.fixture
def shas(project):
    return project.commits(0, 1, 2, 0)


@pytest.fixture
def create(project, home, store, shas, scenario):
    """Makes a session on all commits, or up to another bad end; `purpose` is its command."""

    def make(purpose="run", **more):
        where = {"repo": str(project.path), "scenario": str(scenario)}
        if purpose == "step":
            options = StepOptions(rev=shas[-1], **where)
        elif purpose == "repro":
            options = ReproOptions(rev=shas[-1], **where)
        else:
            options = RunOptions(**{"good": (shas[0],), "bad": shas[-1], **where, **more})
        command = "demo" if purpose == "demo" else "run"
        return sessions.create(resolve(options, home, print, command), store, home)

    return make


def run(session, store):
    """The commits that a session runs trials of."""
    before = len(store.trials(session.id))
    runner.run(session, each_once(session), store, NullObserver(), executor_of(session, threading.Event()))
    return [row.result.sha for row in store.trials(session.id)[before:]]


def add(session, store, sha, outcome=Outcome.PASSED, *, whole=True):
    """Store a trial of a session without running it."""
    cells = (CellResult(cell=CELL, outcome=outcome),)
    started = "2026-03-06T00:00:00+00:00"
    result = TrialResult(sha=sha, cells=cells, outcome=outcome, started=started, seconds=1.0, whole=whole)
    store.add(session.id, "narrow", result, session.version)


def shared(session, store):
    return [row.result.sha for row in sessions.trials(session, store) if row.shared]


def test_second_session_runs_only_new_commits(create, store, shas):
    first = create(bad=shas[2])
    assert run(first, store) == shas[1:3]
    second = create()
    assert run(second, store) == [shas[3]]
    rows = sessions.trials(second, store)
    assert [(row.result.sha, row.shared) for row in rows] == list(
        zip(shas[1:], (True, True, False), strict=True)
    )
    assert [row.result for row in rows[:2]] == [row.result for row in store.trials(first.id)]
    assert run(create(), store) == []


def test_fresh_session_reuses_nothing_and_shares_its_trials(create, store, shas):
    assert run(create(bad=shas[1]), store) == [shas[1]]
    assert run(create(bad=shas[2], fresh=True), store) == shas[1:3]
    assert run(create(bad=shas[2]), store) == []


def test_a_command_shares_nothing(project, create, store, shas):
    project.write_check()
    for _ in range(2):
        assert run(create(command=("./check.sh",), scenario=None), store) == shas[1:]


def test_git_replacements_and_line_endings_prevent_reuse(project, create, store, shas):
    first = create(bad=shas[1])
    add(first, store, shas[1])
    assert shared(create(), store) == [shas[1]]
    project.git("config", "core.autocrlf", "true")
    assert shared(create(), store) == []
    assert create(command=("true",), scenario=None).version == ""
    project.git("config", "--unset", "core.autocrlf")
    project.git("replace", "--graft", shas[2])
    again = create(good=(shas[2],))
    assert again.version != first.version


def test_repro_shares_its_trials_and_reuses_none(create, store, shas):
    add(create("repro"), store, shas[1])
    assert shared(create(), store) == [shas[1]]
    assert shared(create("repro"), store) == []


@pytest.mark.parametrize("command", ["demo", "step"])
def test_demo_and_step_neither_share_nor_reuse_trials(create, store, shas, command):
    add(create(command), store, shas[1])
    assert shared(create(), store) == []
    add(create(), store, shas[1])
    assert shared(create(), store) == [shas[1]]
    assert shared(create(command), store) == []


@pytest.mark.parametrize("changed", ["suite", "profile", "helper", "cells"])
def test_changed_inputs_prevent_reuse(create, store, shas, scenario, changed):
    add(create(), store, shas[1])
    options = {}
    if changed == "suite":
        with (scenario / "test_small.py").open("a") as suite:
            suite.write("# another word\n")
    elif changed == "profile":
        file = scenario / "scenario.toml"
        file.write_text(file.read_text().replace("trial = 90", "trial = 91"))
    elif changed == "helper":
        (scenario / "data").mkdir()
        (scenario / "data" / "prompts.txt").write_text("Hello")
    else:
        options = {"cells": (f"{CELL}*",)}
    assert shared(create(**options), store) == []


def test_caches_in_the_scenario_folder_do_not_prevent_reuse(create, store, shas, scenario):
    add(create(), store, shas[1])
    for name in ("__pycache__", ".git"):
        (scenario / name).mkdir()
        (scenario / name / "entry").write_text("changed")
    assert shared(create(), store) == [shas[1]]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_conclusive_trials_are_shared(create, store, shas, outcome):
    add(create(), store, shas[1], outcome)
    conclusive = outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.HUNG)
    assert shared(create(), store) == ([shas[1]] if conclusive else [])


def test_trial_of_an_end_is_shared_only_if_every_cell_ran(create, store, shas):
    earlier = create()
    for sha in shas:
        add(earlier, store, sha, whole=False)
    assert shared(create(), store) == shas[1:3]
    add(earlier, store, shas[0])
    assert shared(create(), store) == [*shas[1:3], shas[0]]


def test_trials_outside_the_range_are_not_reused(create, store, shas):
    add(create(), store, shas[3])
    assert shared(create(bad=shas[2]), store) == []


def test_session_with_own_trials_reuses_no_later_ones(create, store, shas):
    """Even if another session adds some meanwhile."""
    other, session = create(), create()
    add(other, store, shas[1])
    assert shared(session, store) == [shas[1]]
    add(session, store, shas[2])
    add(other, store, shas[2])
    assert shared(session, store) == [shas[1]]
    assert shared(create(), store) == [shas[1], shas[2], shas[2]]


def test_store_of_an_older_version_is_read(tmp_path):
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("""
            CREATE TABLE session (id TEXT PRIMARY KEY, created TEXT NOT NULL, request TEXT NOT NULL,
                document TEXT);
            CREATE TABLE trial (number INTEGER PRIMARY KEY AUTOINCREMENT,
                session TEXT NOT NULL REFERENCES session(id), purpose TEXT NOT NULL, sha TEXT NOT NULL,
                result TEXT NOT NULL);
            INSERT INTO session VALUES ('one', '2026-03-06T00:00:00+00:00', '{}', NULL);
            INSERT INTO trial (session, purpose, sha, result) VALUES ('one', 'narrow', 'a',
                '{"sha": "a", "cells": [], "outcome": "passed", "started": "", "seconds": 1.0}');
        """)
    for _ in range(2):
        with closing(Store(path)) as store:
            assert [row.result.sha for row in store.trials("one")] == ["a"]
            assert store.earlier("two", "", ["a"]) == []
