"""The parts of a home that belong to nodes of a cluster, this machine's or another's."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from old_files import NOW, write

from bisect_tool.build.cache import Entry
from bisect_tool.disk_usage.inventory import inventory
from bisect_tool.disk_usage.item import Kind
from bisect_tool.disk_usage.plan import Reason, Removal
from bisect_tool.disk_usage.remove import RemovalStatus, remove, remove_leftovers
from bisect_tool.file_lock import try_lock


def named(home):
    return {item.name: item for item in inventory(home, []).items}


def test_a_home_without_nodes_has_none(home, environment):
    assert home.nodes == ()
    assert [*named(home)] == ["f" * 20]


def test_items_of_nodes_are_listed_by_node(home, node, environment):
    for name in ("here", "there"):
        node(name)
    found = named(home)
    assert [*found] == [
        "f" * 20,
        f"here/{'f' * 20}",
        "here/engine-1234/slot-0",
        f"there/{'f' * 20}",
        "there/engine-1234/slot-0",
    ]
    assert {item.elsewhere for name, item in found.items() if name.startswith("there/")} == {True}
    assert not any(item.elsewhere for name, item in found.items() if not name.startswith("there/"))
    assert not any(item.in_use for item in found.values())


def test_parts_of_nodes_add_up(home, node):
    part = node("there").home
    empty = inventory(home, [])
    for path in (part.cache / "repositories" / "e.git" / "pack", part.state / "trials" / "a" / "log"):
        write(path)
    found = inventory(home, [])
    assert (found.clones > 0, found.other > empty.other) == (True, True)
    sizes = sum(found.size(kind) for kind in Kind)
    assert found.total == sizes + found.clones + found.store + found.other


@pytest.mark.parametrize(("name", "in_use"), [("here", False), ("there", True)])
def test_item_that_another_machine_used_today_is_in_use(home, node, name, in_use):
    """Its lock may not be visible on this machine."""
    lock = node(name).environment._build_lock
    lock.write_text("123")
    os.utime(lock)
    assert named(home)[f"{name}/{'f' * 20}"].in_use is in_use


@pytest.mark.parametrize("name", ["here", "there"])
def test_old_items_of_a_node_are_removed_unless_locked(home, node, name):
    made = node(name)
    removals = [Removal(item, Reason.AGE) for item in named(home).values()]
    with made.environment.in_use(), try_lock(made.slot.lock):
        assert all(item.in_use for item in named(home).values())
        assert [remove(each, home, NOW).status for each in removals] == [RemovalStatus.IN_USE] * 2
    assert [remove(each, home, NOW).status for each in removals] == [RemovalStatus.REMOVED] * 2
    assert (made.environment.folder.exists(), made.slot.tree.exists()) == (False, False)


@pytest.mark.parametrize(("name", "ended"), [("here", 1), ("there", 0)])
def test_processes_of_a_build_are_ended_on_the_machine_that_they_run_on(home, node, monkeypatch, name, ended):
    calls = []
    monkeypatch.setattr(Entry, "end_builds", lambda entry: calls.append(entry.folder))
    node(name)
    removals = [Removal(item, Reason.AGE) for item in named(home).values()]
    for each in removals:
        remove(each, home, NOW)
    assert len(calls) == ended


HOLD = """
import sys, time
from pathlib import Path
from bisect_tool.file_lock import try_lock
with try_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_killed_trials_of_this_machine_are_removed_and_running_ones_kept(home, node):
    trials = {name: node(name).home.state / "trials" for name in ("here", "there")}
    for name, folder in trials.items():
        for each in ("killed", "running"):
            write(folder / f"{name}-{each}" / "logs" / "suite.log")
            write(folder / f"{name}-{each}.lock")
    lock = trials["here"] / "here-running.lock"
    argv = (sys.executable, "-c", HOLD, str(lock))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        remove_leftovers(home)
        holder.stdin.close()
    left = {path.name for folder in trials.values() for path in folder.glob("*/")}
    assert left == {"here-running", "there-killed", "there-running"}


def test_leftovers_of_a_killed_prune_on_a_node_are_removed(home, node):
    part = node("there").home
    for folder in (part.cache / "environments", part.cache / "worktrees" / "engine-1234"):
        write(folder / ".pruned-0123" / "file")
    remove_leftovers(home)
    assert [*part.cache.rglob(".pruned-*")] == []
