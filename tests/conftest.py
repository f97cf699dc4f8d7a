"""Fixtures for all tests: plugins of their suites, printing of views, and a session without git."""

from __future__ import annotations

import fcntl
import gc
import io
import os
import sys
from pathlib import Path

import pytest
import sample_documents as documents
from forked_trials import import_engine_libraries
from hypothesis import HealthCheck, settings
from quick_engine import QUICK, WITHOUT_TORCH, copy_scenarios
from rich.console import Console

from bisect_tool.checks import SuiteCheck
from bisect_tool.demo.patch_series import replay
from bisect_tool.git import Changes, Commit, Range
from bisect_tool.mode import Bisect
from bisect_tool.paths import Home
from bisect_tool.request import Request
from bisect_tool.session.session import Session

SCENARIOS = Path(__file__).parents[1] / "scenarios"

# Examples that are the same in every run, however long a busy machine takes for one of them. Others are tried
# with `pytest --hypothesis-profile=default`.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Disable garbage collection during the collection of tests, then exempt all their objects from it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def new_consoles():
    """Reset the consoles after each test: they keep the width that they were created with.

    A session that is forked from the worker later would have it as well.
    """
    yield
    if writer := sys.modules.get("bisect_tool.terminal.writer"):
        writer.stdout.cache_clear()
        writer.stderr.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def quick_starts():
    """Make programs that tests start behave like installed programs at start-up.

    With `-B`, pytest compiles all of hypothesis and anyio at each start: a wasted second of CPU time.
    The demo at the start of `.ci/run` loads existing ones. Where compiled modules are not kept, each start
    of `bisect-run` compiles all of it: another second.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A folder of this run of the tests, which the workers of pytest-xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(run_folder):
    """A function: a name, and a function that returns a text -> the text, which one worker makes for all.

    `--dist worksteal` spreads the tests of a module over the workers, and each has its own fixtures.
    """

    def text_of(name, make):
        file = run_folder / name
        with (run_folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_text(make())
        return file.read_text()

    return text_of


@pytest.fixture(scope="session")
def bundled_history(run_folder):
    """A function: the name of a bundled series -> its repository, to be read only, and what was replayed.

    Each is replayed once in a run.
    """
    series = SCENARIOS / "reference_engine"

    def read(name):
        repository = run_folder / "bundled-histories" / f"{name}.git"
        return repository, replay(series / f"{name}.toml", repository)

    return read


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory):
    """The bundled scenarios with a stand-in for torch, which takes each worker seconds to import."""
    return copy_scenarios(tmp_path_factory.mktemp("scenarios"), WITHOUT_TORCH)


@pytest.fixture(scope="session")
def quick_engine(tmp_path_factory):
    """The bundled scenarios without torch, and with the engine's processes forked, not spawned."""
    import_engine_libraries()
    return copy_scenarios(tmp_path_factory.mktemp("scenarios"), QUICK)


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
    checkout = None
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
