"""Killed with -9 at any moment of a checkout: the next run recovers by itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from forked_cli import Forked
from real_projects import Project, ended

from bisect_tool.git import Repository, Worktrees

FILES = 600
TRIES = 15


def check_out(words):
    """The program that is killed: it checks commits out one after the other, and prints each."""
    spec, cache, root, *shas = words
    with Worktrees(Repository.open(spec, Path(cache)), Path(root)).slot(0) as tree:
        for sha in shas:
            tree.checkout(sha)
            sys.stdout.write(f"{sha}\n")
            sys.stdout.flush()
    raise SystemExit(0)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Two commits that differ in every one of many files, so that a checkout takes long."""
    project = Project(tmp_path_factory.mktemp("large") / "project")
    shas = []
    for number in range(2):
        for place in range(FILES):
            project.write({f"d{place % 40}/f{place}": content(place, number)})
        project.git("add", "-A")
        project.git("commit", "-q", "-m", f"commit {number}")
        shas.append(project.head())
    return project, shas


def content(place, number):
    return f"{place} {number}\n" * 300


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["git", "tool", "both"])
@pytest.mark.parametrize("step", ["first checkout", "switch"])
def test_killed_while_checking_out(large, tmp_path, step, victim):
    """A git that outlives the tool holds the lease of its slot: the next run takes another one."""
    chance = random.Random(f"{step} {victim}")  # noqa: S311
    hits = 0
    for attempt in range(TRIES // 3):
        place = Place(large, tmp_path / f"{attempt}")
        with place.driver() as driver:
            if step == "switch":
                driver.output.readline()
            git = git_of(driver, "checkout")
            if git is None:
                continue
            if attempt:  # the first is killed as soon as it is seen, so that at least one is hit
                time.sleep(chance.uniform(0, 0.15))
            hits += git.is_running()
            if victim != "tool":
                kill(git)
            if victim != "git":
                driver.send_signal(signal.SIGKILL)
            driver.communicate(60)
        place.assert_recovers()
        assert ended(git.pid)
        if victim == "git" and step == "switch":
            assert driver.returncode == 0, "the tool recovers by itself within the same run"
    assert hits


@pytest.mark.slow
def test_killed_at_any_moment(large, tmp_path):
    """From the creation of the tool's repository to the second checkout."""
    chance = random.Random(1)  # noqa: S311
    with Place(large, tmp_path / "whole").driver() as driver:
        started = time.monotonic()
        driver.output.readline()
        driver.output.readline()
        whole = time.monotonic() - started
        driver.communicate(60)
    for attempt in range(TRIES):
        place = Place(large, tmp_path / f"{attempt}")
        with place.driver() as driver:
            time.sleep(chance.uniform(0, 1) * whole)
            driver.send_signal(signal.SIGKILL)
        place.assert_recovers()


class Place:
    """A cache and a folder for worktrees, on the shared large project."""

    def __init__(self, large, folder):
        project, self.shas = large
        self._spec = str(project.path)
        self._cache = folder / "cache"
        self.root = folder / "trees"
        folder.mkdir()

    @contextmanager
    def driver(self):
        """The program, forked from the tests', which have its modules; its `output` is what it prints."""
        reader, writer = os.pipe()
        words = (self._spec, str(self._cache), str(self.root), *self.shas)
        driver = Forked(words, self.root.parent, os.environ, stdout=writer, main=check_out)
        os.close(writer)
        with os.fdopen(reader) as driver.output:
            try:
                yield driver
            finally:
                driver.end()

    def repository(self):
        return Repository.open(self._spec, self._cache)

    def assert_recovers(self):
        """Both commits can be checked out, completely, and git agrees."""
        with Worktrees(self.repository(), self.root).slot(0) as tree:
            for number, sha in enumerate(self.shas):
                path = tree.checkout(sha)
                found = {file.name: file.read_text() for file in path.glob("d*/f*")}
                assert found == {f"f{place}": content(place, number) for place in range(FILES)}
                status = ["git", "status", "--porcelain"]
                assert subprocess.run(status, cwd=path, check=True, capture_output=True).stdout == b""


def git_of(driver, word):
    """The git process of the driver that runs the command `word`; None if it ended before it was seen."""
    process = psutil.Process(driver.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        for child in children(driver.pid):
            with suppress(psutil.Error):
                git = psutil.Process(child)
                if git.name() == "git" and word in git.cmdline():
                    return git
    return None


def children(pid):
    """The processes that the threads of a process have started; psutil would read those of all processes."""
    with suppress(OSError):
        threads = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return []


def kill(process):
    with suppress(psutil.NoSuchProcess):
        process.kill()
