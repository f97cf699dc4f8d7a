"""A new project for each test, and waiting with a deadline."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from forked_cli import server_of_guardians
from projects import MARK, Project, survivors

from bisect_tool.paths import Home
from bisect_tool.session.store import Store
from bisect_tool.supervise.fork_server import SERVER, ForkServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty repository; a process of the test that is left at its end is an error."""
    made = Project(tmp_path / "project", tmp_path / "home", uuid4().hex)
    yield made
    for process in made.forked:
        process.end()
    with suppress(AssertionError):
        wait_until(lambda: not survivors(made.mark))
    left = survivors(made.mark)
    for survivor in left:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(int(survivor.split()[0]), signal.SIGKILL)
    assert left == []


@pytest.fixture
def home(project: Project, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The project's home, for sessions that run in this process, inside the project."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv(MARK, project.mark)
    monkeypatch.setattr(SERVER, "_requests", server_of_guardians()._requests)
    monkeypatch.setattr(ForkServer, "__exit__", lambda *_: None)  # the next test uses it, too
    return Home(project.home / "state", project.home / "cache")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The store of `home`."""
    with closing(Store(home.store)) as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file to which a check may append its commit."""
    return tmp_path / "log"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file whose removal a check may wait for."""
    return tmp_path / "gate"


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "the condition never came true"
        time.sleep(0.01)


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Waits until a condition holds, and fails the test if it does not in time."""
    return wait_until
