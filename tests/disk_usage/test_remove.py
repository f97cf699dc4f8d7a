"""Removing: planned items that are not in use are removed, others are kept."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from old_files import NOW, write

from bisect_tool.disk_usage.inventory import inventory
from bisect_tool.disk_usage.plan import Reason, Removal
from bisect_tool.disk_usage.remove import RemovalStatus, remove, remove_leftovers
from bisect_tool.file_lock import try_lock
from bisect_tool.session.log_files import log_files, pruned_at
from bisect_tool.session.session import is_running
from bisect_tool.trial.run import _prefix
from bisect_tool.wheels.cache import WheelFolder


@pytest.fixture
def removals(home, store, environment, slot, session):
    return [Removal(item, Reason.AGE) for item in inventory(home, store.sessions()).items]


def files(home):
    """Everything that is left, except locks."""
    found = (path for folder in (home.cache, home.state) for path in folder.rglob("*") if path.is_file())
    return {path.name for path in found if path.suffix not in {".lock", ".use"} and path.parent != home.state}


def test_every_item_that_is_not_in_use_is_removed(home, removals):
    assert [remove(each, home, NOW).status for each in removals] == [RemovalStatus.REMOVED] * 3
    assert files(home) == {"pruned"}


def test_a_wheel_is_removed_unless_a_build_uses_it(home):
    entry = WheelFolder(home.cache / "wheels" / ("a" * 40))
    write(entry.folder / "engine-1.0-py3-none-any.whl", days=70)
    (item,) = inventory(home, []).items
    with entry.in_use():
        assert remove(Removal(item, Reason.AGE), home, NOW).status is RemovalStatus.IN_USE
    assert entry.folder.is_dir()
    assert remove(Removal(item, Reason.AGE), home, NOW).status is RemovalStatus.REMOVED
    assert not entry.folder.exists()


def test_locks_are_kept(home, removals, slot, session):
    for each in removals:
        remove(each, home, NOW)
    assert slot.lock.exists()
    assert not is_running(home, session.id)
    assert (session.folder / "running.lock").exists()


def test_pruned_session_has_the_time_of_pruning(home, removals, session, store):
    assert pruned_at(home, session.id) is None
    for each in removals:
        remove(each, home, NOW)
    assert pruned_at(home, session.id) == NOW
    assert log_files(home, session.id) == ()
    assert store.session(session.id).document == '{"resumable": false}'


def test_item_locked_since_the_plan_is_kept(home, removals, environment, slot, session):
    before = files(home)
    with environment.in_use(), try_lock(slot.lock), try_lock(session.folder / "running.lock"):
        assert [remove(each, home, NOW).status for each in removals] == [RemovalStatus.IN_USE] * 3
    assert files(home) == before


def test_item_used_since_the_plan_is_kept(home, removals, environment, slot, session):
    """The run has ended: the items are no longer in use."""
    with environment.lock(0, None, print):
        pass
    slot.sparse.touch()
    (session.folder / "bisect-run.log").touch()
    assert [remove(each, home, NOW).status for each in removals] == [RemovalStatus.IN_USE] * 3
    assert environment.complete


def test_logs_are_removed_on_a_disk_too_full_to_record_it(home, removals, session):
    (session.folder / "pruned").mkdir()
    assert remove(removals[2], home, NOW).status is RemovalStatus.REMOVED
    assert log_files(home, session.id) == ()


def test_an_environment_that_is_being_built_stays(home, removals, environment):
    with environment.lock(0, None, print):
        assert remove(removals[0], home, NOW).status is RemovalStatus.IN_USE
    assert environment.complete


def test_a_trial_builds_an_environment_again_that_was_removed(home, removals, environment):
    remove(removals[0], home, NOW)
    with environment.in_use(), environment.lock(0, None, print):
        assert not environment.complete


def test_concurrent_prunes_remove_an_item_once(home, removals):
    with ThreadPoolExecutor(2) as pool:
        statuses = [
            *pool.map(lambda each: remove(each, home, NOW).status, [each for each in removals for _ in "ab"])
        ]
    assert statuses.count(RemovalStatus.REMOVED) == 3
    assert set(statuses) <= {RemovalStatus.REMOVED, RemovalStatus.GONE, RemovalStatus.IN_USE}
    assert files(home) == {"pruned"}


def test_a_folder_that_cannot_be_written_is_removed(home, removals, environment):
    (environment.folder / "venv").chmod(0o500)
    assert remove(removals[0], home, NOW).status is RemovalStatus.REMOVED
    assert not environment.folder.exists()


def test_failed_removal_of_an_item_is_reported(home, removals, monkeypatch):
    def fail(self, target):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "rename", fail)
    ended = remove(removals[0], home, NOW)
    assert ended.status is RemovalStatus.FAILED
    assert "Permission denied" in ended.problem


def test_leftovers_of_a_killed_prune_are_removed(home, environment, session):
    environment.folder.rename(environment.folder.with_name(".pruned-1"))
    (session.folder / "trials").rename(home.session(".pruned-2"))
    assert not any(item.name.startswith(".") for item in inventory(home, []).items)
    remove_leftovers(home)
    assert not environment.folder.with_name(".pruned-1").exists()
    assert not home.session(".pruned-2").exists()
    assert (session.folder / "bisect-run.log").exists()


def test_the_temporary_folder_of_a_killed_trial_goes_with_its_logs(home, removals, session):
    trial = session.folder / "trials" / "001-abc"
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(trial)))
    (trial / "temporary").symlink_to(temporary)
    remove(removals[2], home, NOW)
    assert not temporary.exists()


@pytest.mark.parametrize("replaced", ["trials", "trials/001-abc"])
def test_symlink_in_place_of_trials_is_not_followed(home, store, session, tmp_path, replaced):
    """The project has an entry with the name of a trial's link to its temporary folder."""
    project = tmp_path / "projects" / "001-abc"
    write(project / "precious")
    (project / "temporary").symlink_to(tmp_path)
    shutil.rmtree(session.folder / replaced)
    (session.folder / replaced).symlink_to(project.parent if replaced == "trials" else project)
    (item,) = inventory(home, store.sessions()).items
    assert remove(Removal(item, Reason.AGE), home, NOW).status is RemovalStatus.REMOVED
    assert (project / "precious").exists()
    assert not (session.folder / replaced).is_symlink()


def test_an_item_that_is_gone_already(home, removals):
    elsewhere = replace(removals[1].item, path=removals[1].item.path.with_name("slot-7"))
    assert remove(Removal(elsewhere, Reason.AGE), home, NOW).status is RemovalStatus.GONE
