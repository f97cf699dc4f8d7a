"""A home with an item of each kind."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from old_files import age, write

from bisect_tool.build.cache import Entry
from bisect_tool.file_lock import lease
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.paths import Home
from bisect_tool.session.store import Store


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "state", tmp_path / "cache")


@pytest.fixture
def store(home):
    return Store(home.store)


@pytest.fixture
def environment(home):
    return environment_of(home)


def environment_of(home):
    """An environment that a trial used 40 days ago."""
    entry = Entry.of(home.cache, "f" * 20)
    write(entry.folder / "venv" / "lib" / "module.py", days=40)
    write(entry.folder / "built.json", "{}", days=40)
    write(entry.folder.with_suffix(".lock"), "123", days=40)
    write(entry.folder.with_suffix(".log"), days=40)
    return entry


@pytest.fixture
def slot(home):
    return slot_of(home)


def slot_of(home):
    """A worktree whose last checkout was 50 days ago."""
    files = SlotFiles(home.cache / "worktrees" / "engine-1234" / "slot-0")
    write(files.tree / "engine.py")
    write(files.git_dir / "HEAD")
    write(files.index)
    write(files.sparse, "", days=50)
    with lease(files.lock, 0, "unused", print):
        pass
    age(files.git_dir, 50)
    return files


@pytest.fixture
def node(home, monkeypatch):
    """Makes the part of a node, with an environment and a worktree; this machine is the node `here`."""
    monkeypatch.setattr("socket.gethostname", lambda: "here")

    def make(name):
        part = home.node(name)
        return SimpleNamespace(home=part, environment=environment_of(part), slot=slot_of(part))

    return make


@pytest.fixture
def session(home, store):
    """The id and folder of a session that ended 60 days ago."""
    name = store.create("{}")
    store.finish(name, '{"resumable": false}')
    folder = home.session(name)
    write(folder / "running.lock", "")
    write(folder / "bisect-run.log", days=60)
    write(folder / "trials" / "001-abc" / "logs" / "suite.log", days=60)
    age(folder / "trials", 60)
    return SimpleNamespace(id=name, folder=folder)
