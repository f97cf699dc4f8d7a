"""The items in a home, when they were last used, and whether they are in use."""

from __future__ import annotations

import errno
import fcntl
from datetime import timedelta

import pytest
from old_files import NOW, age, write

from bisect_tool.disk_usage import inventory as inventory_module
from bisect_tool.disk_usage.inventory import inventory
from bisect_tool.disk_usage.item import Kind
from bisect_tool.disk_usage.size import size_on_disk
from bisect_tool.file_lock import try_lock
from bisect_tool.wheels.cache import WheelFolder


def only(found, kind):
    (item,) = (item for item in found.items if item.kind is kind)
    return item


def test_an_empty_home(home):
    found = inventory(home, [])
    assert (found.items, found.total) == ((), 0)


def test_an_environment(home, environment):
    item = only(inventory(home, []), Kind.ENVIRONMENT)
    assert (item.name, item.path, item.in_use) == ("f" * 20, environment.folder, False)
    assert item.last_used == NOW - timedelta(days=40)
    assert item.size >= 10_000, "the log belongs to it"


def test_inventory_does_not_change_the_last_use(home, environment, slot, session):
    assert inventory(home, []).items == inventory(home, []).items


def test_items_that_cannot_be_locked_count_as_in_use(home, environment, slot, session, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert [item.in_use for item in inventory(home, []).items] == [True, True, True]


def test_an_environment_that_a_trial_uses(home, environment):
    with environment.in_use(), environment.in_use():
        assert only(inventory(home, []), Kind.ENVIRONMENT).in_use


def test_an_environment_that_is_being_built(home, environment):
    with environment.lock(0, None, print):
        assert only(inventory(home, []), Kind.ENVIRONMENT).in_use


def test_a_worktree(home, slot):
    item = only(inventory(home, []), Kind.WORKTREE)
    assert (item.name, item.path, item.in_use) == ("engine-1234/slot-0", slot.tree, False)
    assert item.last_used == NOW - timedelta(days=50)
    with try_lock(slot.lock):
        assert only(inventory(home, []), Kind.WORKTREE).in_use


def test_a_wheel(home):
    entry = WheelFolder(home.cache / "wheels" / ("a" * 40))
    write(entry.folder / "engine-1.0-py3-none-any.whl", days=70)
    age(entry.folder, 70)
    with entry.unused():
        pass
    found = inventory(home, [])
    item = only(found, Kind.WHEEL)
    assert (item.name, item.path, item.in_use) == ("a" * 40, entry.folder, False)
    assert item.last_used == NOW - timedelta(days=70)
    assert found.total == found.size(Kind.WHEEL) == size_on_disk([entry.folder])
    with entry.in_use():
        assert only(inventory(home, []), Kind.WHEEL).in_use


def test_the_logs_of_a_session(home, store, session):
    item = only(inventory(home, store.sessions()), Kind.LOGS)
    assert (item.name, item.path) == (session.id, session.folder)
    assert (item.in_use, item.resumable) == (False, False)
    assert item.last_used == NOW - timedelta(days=60)
    with try_lock(session.folder / "running.lock"):
        assert only(inventory(home, store.sessions()), Kind.LOGS).in_use


def test_link_to_a_folder_elsewhere_is_no_session(home, store, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "data").write_text("x")
    home.session("").mkdir(parents=True, exist_ok=True)
    home.session("20260101-000000-abcd").symlink_to(tmp_path / "precious")
    assert inventory(home, store.sessions()).number(Kind.LOGS) == 0


@pytest.mark.parametrize(
    ("document", "resumable"),
    [
        (None, True),
        ('{"resumable": true}', True),
        ('{"resumable": false}', False),
        ("{", False),
        ("[]", False),
    ],
)
def test_session_is_resumable_unless_its_document_denies_it(home, store, session, document, resumable):
    if document is None:
        store._db.execute("UPDATE session SET document = NULL")
    else:
        store.finish(session.id, document)
    assert only(inventory(home, store.sessions()), Kind.LOGS).resumable is resumable


def test_parts_add_up(home, store, environment, slot, session):
    (home.cache / "repositories" / "engine.git").mkdir(parents=True)
    (home.cache / "assets").mkdir()
    found = inventory(home, store.sessions())
    assert min(found.clones, found.store, found.other) > 0
    parts = [found.size(kind) for kind in Kind]
    assert found.total == sum(parts) + found.clones + found.store + found.other
    assert [found.number(kind) for kind in Kind] == [1, 1, 0, 1]


def test_items_are_not_locked_while_they_are_measured(home, environment, slot, session, monkeypatch):
    held = []

    def measure(paths):
        with environment.unused() as one, slot.unused() as other:
            held.extend(each for each in (one, other) if not each)
        return 0

    monkeypatch.setattr(inventory_module, "size_on_disk", measure)
    assert len(inventory(home, []).items) == 3
    assert held == []


def test_without_a_store_logs_are_no_items(home, environment, session):
    found = inventory(home, None)
    assert [item.kind for item in found.items] == [Kind.ENVIRONMENT]
    assert found.other >= 10_000, "the logs"
