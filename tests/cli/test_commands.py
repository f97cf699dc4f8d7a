"""What the commands print, word for word.

After a change of wording: `UPDATE_GOLDEN=1 python -m pytest tests/cli/test_commands.py`, then read the diff.
"""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from bisect_tool import __version__
from bisect_tool.build import fingerprint
from bisect_tool.cli import machine_checks
from bisect_tool.file_lock import try_lock
from bisect_tool.mode import Bisect
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home as current_home
from bisect_tool.render.plan import render_plan
from bisect_tool.results.document import Document
from bisect_tool.scenario import load
from bisect_tool.search.prior import Suspicion
from bisect_tool.session import plan
from bisect_tool.session.plan import Forecast, Plan, plan_of
from bisect_tool.session.store import Store

GOLDEN = Path(__file__).parent / "golden"
CHECKOUT = Path(__file__).parents[2]
COMMANDS = (
    *(
        "run",
        "demo",
        "plan",
        "resume",
        "status",
        "report",
        "step",
        "repro",
        "fixes",
        "simulate",
        "doctor",
        "explain",
        "triage",
        "nightly",
        "prune",
        "scenarios",
    ),
)
MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
SESSION = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
SECONDS_CELL = re.compile(r"(?m)\| \d+ \|$")
VERSION = re.compile(r"(- `(?:bisect-run|python|platform|git)`:) `[^`]+`")
SECONDS = re.compile(r"\d+(\.\d)? s\b|\d+ min \d\d s\b")


def compare(name, text):
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def normal(place):
    """What is the same in every run: without this run's places, ids and times, and without padding."""

    def normalise(text):
        text = text.replace(str(place), "/tmp/bisect-run-12345678").replace(str(CHECKOUT), "/checkout")
        text = SECONDS.sub("0.1 s", SESSION.sub("20260306-101500-1a2b", text))
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())

    return normalise


@pytest.mark.parametrize("command", ["", *COMMANDS, "scenarios list", "scenarios show", "scenarios check"])
def test_help(cli, command, monkeypatch):
    """Versions of Typer differ in spaces and in how they mark types: neither is compared."""
    monkeypatch.setenv("COLUMNS", "80")
    ended = cli(*command.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "..." not in re.sub(r"([\]}])\.\.\.", r"\1", ended.out), "a help text is cut"
    words = " ".join(re.sub(r" <[a-z\[\] ]+>|[{}]", "", ended.out).split())
    compare(f"help-{command.replace(' ', '-') or 'app'}.txt", f"{words}\n")


def test_every_command_is_listed(cli):
    listed = re.findall(r"(?m)^  ([a-z]+)  +[A-Z]", cli("--help").out)
    assert tuple(listed) == (
        "run",
        "demo",
        "plan",
        "resume",
        "status",
        "report",
        "step",
        "repro",
        "fixes",
        "simulate",
        "doctor",
        "explain",
        "triage",
        "nightly",
        "prune",
        "scenarios",
    )


def test_version(cli):
    ended = cli("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"bisect-run {__version__}\n", "")


@pytest.mark.parametrize("words", ["list", "show external-lb-dp", "check external_lb_dp"])
def test_scenarios(cli, normal, words):
    ended = cli("scenarios", *words.split())
    assert (ended.code, ended.err) == (0, "")
    compare(f"scenarios-{words.split()[0]}.txt", normal(ended.out))


def test_plan_of_the_engine(cli, normal, engine):
    ended = cli("plan", "--repo", engine, "--good", "good", "--bad", "bad", "--cells", "*completion[4]")
    assert (ended.code, ended.err) == (0, "")
    compare("plan-engine.txt", normal(ended.out))


def test_plan_of_a_command(cli, normal, project):
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh", "a b")
    assert (ended.code, ended.err) == (0, "")
    compare("plan-command.txt", normal(ended.out))


def test_plan_says_that_the_machine_is_busy(cli, project, load):
    load(cpu=0.6)
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh")
    assert re.search(r"(?m)^Machine +busy: CPU pressure 60 %; tests with deadlines may time out", ended.out)


@pytest.mark.parametrize("first_parent", [False, True])
@pytest.mark.parametrize(("good", "bad"), [("good", "bad"), ("unbuildable", "bad"), ("flaky", "fixed")])
def test_plan_counts_each_environment_once(engine, good, bad, first_parent):
    words = RunOptions(
        good=(good,), bad=bad, repo=str(engine), profile="reference", first_parent=first_parent
    )
    resolved = resolve(words, current_home(), pytest.fail)
    build = load("external-lb-dp").profile("reference").build
    shas = (*resolved.range.goods, *resolved.range.parents)
    assert plan_of(resolved).environments == len(
        {fingerprint(resolved.repository, sha, build) for sha in shas}
    )


def commits(number):
    return tuple(
        SimpleNamespace(sha=f"{index:040x}", subject=f"Change {index} (#{index})", pr=index)
        for index in range(1, number + 1)
    )


def planned(number, **fields):
    given = {
        "goods": commits(1),
        "commits": commits(number),
        "repo": "/engine",
        "check": "external-lb-dp, profile reference",
        "environments": 1,
        "native": {},
        "pinned": False,
    }
    paper = io.StringIO()
    Console(file=paper, width=80, color_system=None).print(render_plan(Plan(**{**given, **fields})))
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_plan_shows_forty_candidates_in_full():
    shown = planned(40)
    assert shown[-40] == "  000000000  #1   Change 1"
    assert shown[-1] == "  000000000  #40  Change 40"
    assert "more" not in "".join(shown)


def test_plan_shows_head_and_tail_of_more():
    shown = planned(1041)
    assert shown[0] == "Candidates    1041 commits in /engine"
    assert shown[-41] == "  000000000  #1     Change 1"
    assert shown[-22:-19] == [
        "  000000000  #20    Change 20",
        "  ...               1001 more",
        "  000000000  #1022  Change 1022",
    ]
    assert shown[-1] == "  000000000  #1041  Change 1041"


def test_plan_says_what_a_search_would_cost():
    shown = planned(2, forecasts=(Forecast(1.0, 8.6, 10.0, None, 2), Forecast(0.25, 61.7, 131.0, 90.0, 2)))
    assert "Trials        about 9 (95th percentile 10) if it always fails" in shown
    said = " ".join(" ".join(shown).split())
    assert "about 62 (95th percentile 131) if it fails 25% of the time, about 1 h 32 min" in said
    assert "; 2 runs of the bad commit miss it 56 % of the time (--endpoint-runs)" in said


def test_plan_says_why_a_commit_is_suspect():
    sha = f"{2:040x}"
    hostile = Suspicion(sha, 0.02, ("touches \x1b[31mdocs\u202e.md", "docs only"))
    shown = planned(2, suspicions={sha: hostile})
    said = " ".join(" ".join(shown).split())
    assert said.endswith("0.02 times as likely as the average commit: touches docs.md; docs only")


def test_plan_says_what_a_pinned_base_does_not_follow():
    shown = planned(2, pinned=True, native={"ab" * 20: tuple(f"csrc/{name}.cu" for name in "abcdefg")})
    assert "Environments  1, with one compiled base for all commits" in shown
    title = shown.index("Commits that change native files (not rebuilt: the compiled base is pinned)")
    assert shown[title + 1] == (
        "  ababababa  csrc/a.cu, csrc/b.cu, csrc/c.cu, csrc/d.cu, csrc/e.cu and 2 more"
    )


def test_plan_shows_the_last_of_many_commits_that_change_native_files():
    shown = planned(2, native={f"{number:09}": ("csrc/a.cu",) for number in range(100)})
    title = shown.index("Commits that change native files")
    assert shown[title + 1] == "  ...        60 earlier commits"
    assert shown[title + 2] == "  000000060  csrc/a.cu"
    assert shown[title + 41 : title + 43] == ["  000000099  csrc/a.cu", ""]


def test_a_long_range_is_forecast_by_its_parts(monkeypatch):
    """Twice the commits are one run more where it always fails, whatever their number."""
    played = []
    monkeypatch.setattr(
        plan, "simulate_search", lambda case, *_: played.append(case) or SimpleNamespace(trials=9)
    )
    mode = Bisect(goods=("good",))
    names = [f"c{number}" for number in range(1024)]
    parents = {name: (names[place - 1] if place else "good",) for place, name in enumerate(names)}
    (always, *_, seldom) = plan._forecasts(mode, 1, parents, [Suspicion("c1000", 99.0, ())], None)
    assert (always.mean, always.p95) == (12.0, 12.0)
    assert seldom.mean > 20
    assert {len(case.dag.candidates) for case in played} == {128}
    (case, *_) = played
    assert case.weights is not None
    assert case.weights["part 125"] == 13.25
    assert case.weights["part 0"] == 1.0


class TestDoctor:
    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch):
        """A machine without GPUs, whose disk is as large as needed."""
        monkeypatch.setattr(machine_checks, "snapshot", tuple)
        monkeypatch.setattr(machine_checks, "_DISK_GIB", 0)

    def rows(self, ended):
        return re.findall(r"(?m)^([✓✗-])  (\w+) +(.*?) *$", ended.out)

    def test_able_machine(self, cli, home):
        ended = cli("doctor")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("All required checks passed.\n\n")
        rows = {name: (mark, found) for mark, name, found in self.rows(ended)}
        assert list(rows) == ["Python", "git", "disk", "store", "load", "demo", "uv", "GPUs"]
        assert rows["load"] == ("✓", "CPU pressure 1 %, load 0.1 on 2 CPUs")
        assert rows["GPUs"] == ("-", "none")
        assert rows["Python"] == ("✓", ".".join(map(str, sys.version_info[:3])))
        assert re.fullmatch(rf"\d+ GiB free at {home}/cache", rows["disk"][1])
        assert "only profiles without GPUs can run" in ended.out

    def test_a_busy_machine_is_able_and_said(self, cli, load):
        load(cpu=0.6, load_after=8.0)
        ended = cli("doctor")
        assert ended.code == 0
        assert ("-", "load", "busy: CPU pressure 60 %, load 8.0 on 2 CPUs") in self.rows(ended)
        assert "tests with deadlines may time out" in ended.out

    def test_gpus_are_counted(self, cli, monkeypatch):
        monkeypatch.setattr(machine_checks, "snapshot", lambda: ("one", "two"))
        assert ("✓", "GPUs", "2 NVIDIA GPUs") in self.rows(cli("doctor"))

    def test_what_lacks_comes_first(self, cli, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "file" / "home"))
        ended = cli("doctor")
        assert ended.code == 5
        assert ended.out.startswith("Missing: disk.\n\n✗  disk ")
        assert "set BISECT_RUN_HOME to a writable directory" in ended.out
        assert [mark for mark, *_ in self.rows(ended)].count("✗") == 1

    def test_little_disk(self, cli, monkeypatch):
        monkeypatch.setattr(machine_checks, "_DISK_GIB", 10**9)
        ended = cli("doctor")
        assert ended.code == 5
        assert "free 1000000000 GiB there, or set BISECT_RUN_HOME to a directory on another disk" in ended.out

    def test_the_demo_is_no_need(self, cli, monkeypatch):
        monkeypatch.setattr(machine_checks, "_ENGINE", ("sys", "nothing_of_this_name"))
        ended = cli("doctor")
        assert ended.code == 0
        assert ("-", "demo", "missing nothing_of_this_name") in self.rows(ended)
        assert "in a clone of bisect-run: pip install '.[engine]'" in ended.out


@pytest.fixture(scope="session")
def run(place, project):
    """A bisection of the small project as a process of its own: no command is named, so `run` is meant."""
    words = ("--repo", str(project.path), "--good", "c1", "--bad", "c8", "--json", "--", "./check.sh")
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        env={**env, "BISECT_RUN_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def finished(run, place, monkeypatch):
    """The document of the finished session, whose home is the one in use."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(place / "home"))
    assert run.returncode == 0, run.stderr
    return Document.model_validate_json(run.stdout)


def test_no_command_means_run(run, finished, project):
    assert (finished.command, finished.exit_code) == ("run", run.returncode)
    assert finished.cells["command"].culprit.sha == project.commits["c5"]
    assert finished.cells["command"].culprit.pr == 15
    assert finished.cells["command"].last_good == project.commits["c4"]


def test_json_is_all_there_is_on_stdout(run, finished):
    assert run.stdout == finished.to_json() + "\n"


def test_progress_is_on_stderr(run, finished):
    told = [line for line in run.stderr.splitlines() if "✓" in line or "✗" in line]
    assert len(told) == len(finished.trials) == finished.cost.trials
    assert "15fa458d1" in run.stderr  # its subject is cut where the load of the machine stands beside it
    assert "{" not in run.stderr


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(("option", "name"), [("", "report.txt"), ("--markdown", "report.md")])
def test_report(cli, normal, option, name):
    ended = cli("report", *option.split())
    assert (ended.code, ended.err) == (0, "")
    compare(name, VERSION.sub(r"\1 `1.2.3`", SECONDS_CELL.sub("| 0 |", normal(ended.out))))


def test_report_as_json_is_what_run_printed(cli, run, finished):
    ended = cli("report", finished.session[:15], "--json")
    assert (ended.code, ended.out, ended.err) == (0, run.stdout, "")


def test_status_without_a_session(cli):
    ended = cli("status")
    assert (ended.code, ended.out, ended.err) == (0, "no sessions yet\n", "")


class TestStatus:
    """Three sessions of the same request: one ended, one interrupted after two trials, one running."""

    @pytest.fixture
    def sessions(self, finished, place):
        store = Store(place / "home" / "state" / "store.db")
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
            self.change(place, "UPDATE session SET created = ? WHERE id = ?", created, session)
        folder = place / "home" / "state" / "sessions" / ids.running
        folder.mkdir()
        with try_lock(folder / "running.lock"):
            yield ids
        self.change(place, "DELETE FROM trial WHERE session = ?", ids.interrupted)
        self.change(place, "DELETE FROM session WHERE id <> ?", ids.finished)

    def change(self, place, statement, *values):
        file = place / "home" / "state" / "store.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute(statement, values)

    @pytest.mark.usefixtures("sessions")
    def test_all(self, cli, normal):
        ended = cli("status")
        assert (ended.code, ended.err) == (0, "")
        rule, sizes = re.compile(r"─+"), re.compile(r"\d+(\.\d)? [KM]iB")  # columns are as wide as sizes
        text = sizes.sub("5 KiB", rule.sub("─", normal(ended.out)))
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
    def test_one(self, cli, normal, sessions, state):
        ended = cli("status", getattr(sessions, state))
        assert (ended.code, ended.err) == (0, "")
        text = re.sub(r"started (just now|\d+ min ago)", "started a moment ago", normal(ended.out))
        compare(f"status-{state}.txt", text)

    def test_report_of_an_interrupted_session(self, cli, sessions):
        ended = cli("report", sessions.interrupted, "--json")
        document = Document.model_validate_json(ended.out)
        assert (ended.code, document.exit_code, document.cost.trials) == (0, 130, 2)
        assert document.conclusion == "not finished: narrowed to 4 commits"
