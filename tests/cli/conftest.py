"""Fixtures: the command line in this process, an empty home, and two repositories to bisect."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from forked_trials import fork_listing_of_cells
from quick_engine import use_one_rank

from bisect_tool.cli.app import main
from bisect_tool.demo.patch_series import replay
from bisect_tool.supervise.machine_load import Load
from bisect_tool.terminal import writer

CHECKOUT = Path(__file__).parents[2]
SCENARIOS = CHECKOUT / "scenarios"
SERIES = SCENARIOS / "reference_engine" / "series.toml"
SESSION = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
SECONDS = re.compile(r"\d+(\.\d)? s\b|\d+ min \d\d s\b")
TERMINAL_VARIABLES = ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "TF_BUILD", "TTY_COMPATIBLE")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, and no variables that change the terminal output."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "home"))
    for name in TERMINAL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def load(monkeypatch):
    """Report an idle machine; the value is a function that makes it a busy one."""

    def becomes(**figures):
        now = Load(**{"cpus": 2.0, "load_before": 0.1, "load_after": 0.1, "cpu": 0.01, **figures})
        for module in ("cli.machine_checks", "supervise.machine_load"):
            monkeypatch.setattr(f"bisect_tool.{module}.current_load", lambda: now)
        monkeypatch.setattr("bisect_tool.cli.run_session.BusyWatch", lambda: lambda: now.busy)

    becomes()
    return becomes


@pytest.fixture(autouse=True)
def _few_searches(monkeypatch):
    """Simulate two searches for a forecast instead of forty, which take seconds."""
    monkeypatch.setattr("bisect_tool.session.plan._SEARCHES", 2)


@pytest.fixture(autouse=True)
def _forked_listing(monkeypatch):
    """Fork the pytest that lists a suite's cells; tests/cli/test_wheel.py starts it by `exec`."""
    fork_listing_of_cells(monkeypatch)


@pytest.fixture
def cli(capsys):
    """Run the command line in this process."""

    def run(*arguments):
        writer.stdout.cache_clear()
        writer.stderr.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(int(ended.value.code), captured.out, captured.err)

    yield run
    writer.stdout.cache_clear()
    writer.stderr.cache_clear()


@pytest.fixture(scope="session")
def work_folder():
    """A folder whose path always has the same length, so that tables with paths have the same layout."""
    folder = Path(tempfile.mkdtemp(prefix="bisect-run-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def normalise(work_folder):
    """A function that replaces the paths, ids and times of this run in a text, and removes padding."""

    def replace_all(text):
        text = text.replace(str(work_folder), "/tmp/bisect-run-12345678").replace(str(CHECKOUT), "/checkout")
        text = SECONDS.sub("0.1 s", SESSION.sub("20260306-101500-1a2b", text))
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())

    return replace_all


@pytest.fixture(scope="session")
def engine(work_folder):
    """The reference engine's history, a bare repository."""
    repository = work_folder / "engine.git"
    replay(SERIES, repository)
    return repository


@pytest.fixture
def home_of_the_demo(bundled_history, tmp_path, monkeypatch):
    """A home with the repositories that `demo` would make; test_demo lets it make one."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path))
    for name, ending in {"series": "", "flaky": "-flaky", "order": "-order", "gpu": "-gpu"}.items():
        shutil.copytree(bundled_history(name)[0], tmp_path / "cache" / f"reference-engine{ending}.git")
    return tmp_path


@pytest.fixture(scope="session")
def one_rank(quick_engine, tmp_path_factory):
    """The scenario `external-lb-dp` with one rank of the reference engine."""
    folder = tmp_path_factory.mktemp("one-rank") / "external_lb_dp"
    shutil.copytree(quick_engine / "external_lb_dp", folder)
    use_one_rank(folder)
    return folder


class Project:
    """A small repository with fixed dates, and so with fixed commit ids."""

    def __init__(self, path):
        self.path = path
        self.commits = {}
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", "--object-format=sha1")

    def git(self, *arguments):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        stamp = f"{1772_000_000 + 3600 * len(self.commits)} +0000"
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ada Example"), ("EMAIL", "ada@example.org"), ("DATE", stamp))
        }
        env = kept | who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        argv = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(argv, env=env, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    def commit(self, name, subject, **files):
        for file, content in files.items():
            target = self.path / file.replace("_", ".")
            target.write_text(content)
            target.chmod(0o755)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        self.commits[name] = self.git("rev-parse", "HEAD")
        self.git("update-ref", f"refs/tags/{name}", "HEAD")


CHECK = """#!/bin/sh
read -r answer < answer.txt
[ "$answer" = 42 ] || { echo "the answer is $answer, not 42"; exit 1; }
"""


@pytest.fixture(scope="session")
def project(work_folder):
    """Eight commits checked by `./check.sh`; number 5 breaks it. Branches lead away from number 2."""
    made = Project(work_folder / "project")
    made.commit("c1", "Answer (#11)", check_sh=CHECK, answer_txt="42\n")
    made.commit("c2", "Describe the answer (#12)", notes_txt="It is 42.\n")
    made.commit("c3", "Describe the question", notes_txt="It is lost.\n")
    made.commit("c4", 'Revert "Describe the question (#13)" (#14)', notes_txt="It is 42.\n")
    made.commit("c5", "Count from zero (#15)", answer_txt="41\n")
    made.commit("c6", "Say where the notes are (#16)", readme_txt="See notes.txt\n")
    made.commit("c7", "Check spelling (#17)", notes_txt="It is forty-two.\n")
    made.commit("c8", "Release (#18)", version_txt="2\n")
    made.git("checkout", "-q", "c2")
    made.commit("side", "Try something else (#19)", other_txt="43\n")
    made.git("checkout", "-q", "--orphan", "unrelated")
    made.commit("alien", "Begin elsewhere", elsewhere_txt="1\n")
    made.git("update-ref", "refs/heads/-dash", made.commits["c4"])
    made.git("update-ref", "refs/heads/größe", made.commits["c4"])
    made.git("checkout", "-q", "main")
    return made
