"""A bisection from the command line, and the output of `report` and `status`.

After a change of wording: `UPDATE_GOLDEN=1 python -m pytest tests/cli`, then read the diff.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from golden_files import compare

from bisect_tool.file_lock import try_lock
from bisect_tool.json_document.document import Document
from bisect_tool.session.store import Store

MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
SECONDS_CELL = re.compile(r"(?m)\| \d+ \|$")
VERSION = re.compile(r"(- `(?:bisect-run|python|platform|git)`:) `[^`]+`")


@pytest.fixture(scope="module")
def run(work_folder, project):
    """A bisection of the small project in its own process; without a command, `run` is the default."""
    arguments = ("--repo", str(project.path), "--good", "c1", "--bad", "c8", "--json", "--", "./check.sh")
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env={**env, "BISECT_RUN_HOME": str(work_folder / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def finished(run, work_folder, monkeypatch):
    """The document of the finished session, whose home is the one in use."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(work_folder / "home"))
    assert run.returncode == 0, run.stderr
    return Document.model_validate_json(run.stdout)


def test_no_command_means_run(run, finished, project):
    assert (finished.command, finished.exit_code) == ("run", run.returncode)
    assert finished.cells["command"].culprit.sha == project.commits["c5"]
    assert finished.cells["command"].culprit.pr == 15
    assert finished.cells["command"].last_good == project.commits["c4"]


def test_stdout_has_only_json(run, finished):
    assert run.stdout == finished.to_json() + "\n"


def test_progress_is_on_stderr(run, finished):
    ended = [line for line in run.stderr.splitlines() if "✓" in line or "✗" in line]
    assert len(ended) == len(finished.trials) == finished.cost.trials
    assert "15fa458d1" in run.stderr  # its subject is truncated if the machine's load is on the line
    assert "{" not in run.stderr


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(("option", "name"), [("", "report.txt"), ("--markdown", "report.md")])
def test_report(cli, normalise, option, name):
    ended = cli("report", *option.split())
    assert (ended.code, ended.err) == (0, "")
    compare(name, VERSION.sub(r"\1 `1.2.3`", SECONDS_CELL.sub("| 0 |", normalise(ended.out))))


def test_report_as_json_equals_the_output_of_run(cli, run, finished):
    ended = cli("report", finished.session[:15], "--json")
    assert (ended.code, ended.out, ended.err) == (0, run.stdout, "")


def test_status_without_a_session(cli):
    ended = cli("status")
    assert (ended.code, ended.out, ended.err) == (0, "no sessions yet\n", "")


class TestStatus:
    """Three sessions of the same request: one ended, one interrupted after two trials, one running."""

    @pytest.fixture
    def sessions(self, finished, work_folder):
        store = Store(work_folder / "home" / "state" / "store.db")
        row = store.session(finished.session)
        ids = SimpleNamespace(
            finished=row.id, interrupted=store.create(row.request), running=store.create(row.request)
        )
        for trial in store.trials(row.id)[:2]:
            store.add(ids.interrupted, trial.purpose, trial.result)
        ages = {
            ids.finished: timedelta(days=3),
            ids.interrupted: timedelta(hours=5, minutes=30),
            ids.running: timedelta(minutes=7, seconds=30),
        }
        now = datetime.now(UTC)
        for session, age in ages.items():
            created = (now - age).isoformat(timespec="seconds")
            self.change(work_folder, "UPDATE session SET created = ? WHERE id = ?", created, session)
        folder = work_folder / "home" / "state" / "sessions" / ids.running
        folder.mkdir()
        with try_lock(folder / "running.lock"):
            yield ids
        self.change(work_folder, "DELETE FROM trial WHERE session = ?", ids.interrupted)
        self.change(work_folder, "DELETE FROM session WHERE id <> ?", ids.finished)

    def change(self, work_folder, statement, *values):
        file = work_folder / "home" / "state" / "store.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute(statement, values)

    @pytest.mark.usefixtures("sessions")
    def test_all(self, cli, normalise):
        ended = cli("status")
        assert (ended.code, ended.err) == (0, "")
        rule, sizes = re.compile(r"─+"), re.compile(r"\d+(\.\d)? [KM]iB")  # columns are as wide as sizes
        text = sizes.sub("5 KiB", rule.sub("─", normalise(ended.out)))
        compare("status.txt", re.sub(r" +", " ", text))

    @pytest.mark.usefixtures("sessions")
    def test_all_as_json(self, cli):
        document = json.loads(cli("status", "--json").out)
        states = [
            (each["state"], each["trials"] > 0, each["logs_bytes"] > 0) for each in document["sessions"]
        ]
        assert states == [("running", False, False), ("resumable", True, False), ("ended", True, True)]
        assert document["disk"]["logs"]["number"] == 1

    def test_one_as_json_is_its_report(self, cli, sessions):
        reported = cli("report", sessions.interrupted, "--json")
        assert cli("status", sessions.interrupted, "--json") == reported

    @pytest.mark.parametrize("state", ["finished", "interrupted", "running"])
    def test_one(self, cli, normalise, sessions, state):
        ended = cli("status", getattr(sessions, state))
        assert (ended.code, ended.err) == (0, "")
        text = re.sub(r"started (just now|\d+ min ago)", "started a moment ago", normalise(ended.out))
        compare(f"status-{state}.txt", text)

    def test_report_of_an_interrupted_session(self, cli, sessions):
        ended = cli("report", sessions.interrupted, "--json")
        document = Document.model_validate_json(ended.out)
        assert (ended.code, document.exit_code, document.cost.trials) == (0, 130, 2)
        assert document.conclusion == "not finished: narrowed to 4 commits"
