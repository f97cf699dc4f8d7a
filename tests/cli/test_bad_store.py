"""Stores that are damaged or were written by another version."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from forked_cli import run_forked

from bisect_tool.paths import home as current_home
from bisect_tool.session.store import Store


@pytest.fixture(scope="module")
def two_sessions(tmp_path_factory, project):
    """A home with two sessions of two runs each (trials 1 to 4); read-only."""
    made = tmp_path_factory.mktemp("two") / "home"
    arguments = ("repro", "c1", "--repo", str(project.path), "--runs", "2", "--", "true")
    for _ in range(2):
        env = {**os.environ, "BISECT_RUN_HOME": str(made)}
        code, _, stderr = run_forked(arguments, project.path, env, 60)
        assert code == 0, stderr
    return made


@pytest.fixture
def filled(two_sessions, home):
    """The test's home, with a copy of these sessions."""
    shutil.copytree(two_sessions, home, symlinks=True)
    return home


def test_session_of_another_version(cli):
    store = Store(current_home().store)
    session = store.create("{}")
    for command in ("resume", "report"):
        ended = cli(command, session)
        assert (ended.code, ended.out) == (2, "")
        assert "another version of bisect-run" in ended.err


def change(home, statement, *values):
    """Change the database of the store directly."""
    with closing(sqlite3.connect(home / "state" / "store.db", isolation_level=None)) as database:
        database.execute(statement, values)


def test_document_of_another_version(cli, filled):
    """It is reported, and the other sessions are still listed."""
    change(filled, "UPDATE session SET document = '{}'")
    for command in ("report", "status"):
        ended = cli(command, "last")
        assert (ended.code, ended.out) == (2, "")
        assert "another version of bisect-run" in ended.err
    assert cli("status").code == 0


@pytest.mark.parametrize("spoilt", ["{}", "", '{"seconds": null}', "\0"])
def test_unreadable_trial_is_ignored_with_a_message(cli, filled, spoilt):
    """Earlier versions stored Infinity as null, for example."""
    change(filled, "UPDATE session SET document = NULL")
    change(filled, "UPDATE trial SET result = ? WHERE number = 3", spoilt)
    ended = cli("report", "last", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["cost"]["trials"] == 1
    assert re.search(r"trial 3 of session \S+ cannot be read, and is left out", ended.err)
    resumed = cli("resume", "--json")
    assert resumed.code == 0
    assert json.loads(resumed.out)["cost"]["trials"] == 2


@pytest.mark.parametrize(
    "change_to",
    [
        "created = 'x'",
        "created = '2026-01-01'",
        "created = 7",
        "request = 7",
        "request = 'not JSON'",
        "id = x'ff00'",
    ],
)
def test_unreadable_session_hides_no_other(cli, filled, change_to):
    change(filled, f"UPDATE session SET {change_to} WHERE rowid = 1")  # noqa: S608 - those above
    for command in (("status",), ("report", "last"), ("resume", "last")):
        ended = cli(*command)
        assert ended.code == 0, ended.err
    ended = cli("status")
    assert "cannot be read" in ended.err or "another version" in " ".join(ended.out.split())


@pytest.mark.parametrize("command", [("status",), ("report",), ("resume",), ("doctor",)])
@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("ALTER TABLE trial RENAME COLUMN purpose TO aim", "its table trial lacks purpose"),
        ("ALTER TABLE session RENAME COLUMN document TO paper", "its table session lacks document"),
        ("PRAGMA user_version=99", "was written by a newer version of bisect-run (schema 99,"),
    ],
)
def test_store_of_another_layout(cli, home, command, statement, sentence):
    assert cli("status").code == 0
    change(home, statement)
    ended = cli(*command)
    assert ended.code == 5
    assert sentence in " ".join((ended.out + ended.err).split())
    assert "Free some space" not in ended.err


@pytest.mark.parametrize("command", [("status",), ("report",), ("resume",), ("doctor",)])
def test_store_that_is_not_a_database(cli, home, command):
    (home / "state").mkdir(parents=True)
    (home / "state" / "store.db").write_bytes(b"something else altogether" * 400)
    ended = cli(*command)
    assert ended.code == 5
    assert "is damaged: file is not a database" in " ".join((ended.out + ended.err).split())
    assert (home / "state" / "store.db").exists()
