"""Fixtures for all tests: plugins of their suites, printing of views, and a session without git."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import documents
import pytest
from rich.console import Console

from bisect_tool.checks import SuiteCheck
from bisect_tool.demo.patch_series import replay
from bisect_tool.git import Changes, Commit, Range
from bisect_tool.mode import Bisect
from bisect_tool.paths import Home
from bisect_tool.request import Request
from bisect_tool.session.session import Session


@pytest.fixture(autouse=True)
def new_consoles():
    """Reset the consoles after each test: they keep the width that they were created with.

    A session that is forked from the worker later would have it as well.
    """
    yield
    if terminal := sys.modules.get("bisect_tool.terminal.terminal"):
        terminal.stdout.cache_clear()
        terminal.stderr.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def quick_starts():
    """Make programs that tests start behave like installed programs at start-up.

    With `-B`, pytest compiles all of hypothesis and anyio at each start: a second of CPU time for nothing.
    The demo that `.ci/run` begins with loads what it finds. Where compiled modules are not kept, each start
    of `bisect-run` compiles all of it: another second.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def bundled_history(tmp_path_factory):
    """A function: the name of a bundled series -> its repository, to be read only, and what was replayed.

    Each is replayed once in a run: the workers of pytest-xdist share the folder.
    """
    series = Path(__file__).parents[1] / "scenarios" / "reference_engine"
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "bundled-histories"

    def read(name):
        repository = shared / f"{name}.git"
        return repository, replay(series / f"{name}.toml", repository)

    return read


@pytest.fixture
def printed():
    """A function: prints a view at a width without colours; trailing spaces are removed."""

    def show(renderable, width=120):
        paper = io.StringIO()
        Console(file=paper, width=width, color_system=None).print(renderable, crop=False)
        return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().split("\n")[:-1])

    return show


class Commits:
    """A fake repository that looks up commits."""

    spec = origin = documents.REPO
    cuts = frozenset()

    def __init__(self, commits):
        self._commits = {commit.sha: commit for commit in commits}
        self.changed = {}
        self.same = set()
        self.changed_files = {}

    def commit(self, sha):
        return self._commits[sha]

    def same_tree(self, sha, other, _paths):
        return (sha, other) in self.same

    def changes(self, sha, *, of_merge=False):
        return self.changed_files.get((sha, of_merge), Changes())

    def changed_by(self, shas):
        return {sha: self.changed.get(sha, ()) for sha in shas}

    def replaced_by(self, shas):
        return dict.fromkeys(shas, ())


def linear():
    """The good end, two commits, the culprit and the bad end, in one line."""
    parent = ""
    for sha in (documents.GOOD, documents.BROKEN, documents.PARENT, documents.CULPRIT, documents.BAD):
        info = documents.COMMITS[sha]
        parents = (parent,) if parent else ()
        yield Commit(sha, parents, info.author, info.date, info.subject, pr=info.pr)
        parent = sha


@pytest.fixture
def session(tmp_path):
    good, *candidates = linear()
    request = Request(
        mode=Bisect(goods=(documents.GOOD,)),
        repo=documents.REPO,
        bad=documents.BAD,
        check=SuiteCheck(),
        rerun="bisect-run --good a --bad b",
    )
    return Session(
        id="20260306-101500-1a2b",
        created="2026-03-06T10:15:00+00:00",
        request=request,
        repository=Commits([good, *candidates]),
        range=Range((documents.GOOD,), documents.BAD, tuple(candidates), first_parent=False),
        home=Home(tmp_path / "state", tmp_path / "cache"),
    )
