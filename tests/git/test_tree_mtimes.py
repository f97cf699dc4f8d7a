"""Times of a tree's folders reveal each added or removed entry at once, however it was made."""

from __future__ import annotations

import os
import shutil

import pytest

from bisect_tool.git import tree_mtimes as module
from bisect_tool.git.tree_mtimes import Folders

REPEATS = 20


@pytest.fixture
def tree(tmp_path):
    for inner in ("", "a", "a/b", "c"):
        folder = tmp_path / "tree" / inner
        folder.mkdir()
        (folder / "file").write_text("as it was")
    return tmp_path / "tree"


@pytest.fixture
def seen(tree):
    folders = Folders(tree)
    folders.snapshot()
    return folders


def test_no_folder_is_unchanged_before_the_first_snapshot(tree):
    assert not Folders(tree).same()


def test_reading_and_writing_files_leaves_folders_unchanged(tree, seen):
    (tree / "a" / "b" / "file").read_text()
    (tree / "a" / "b" / "file").write_text("another")
    assert seen.same()


def backdate(tree):
    """Add an entry, then restore the mtime; the ctime cannot be set."""
    about = tree.joinpath("a").stat()
    (tree / "a" / "new").touch()
    (tree / "a" / "new").unlink()
    os.utime(tree / "a", ns=(about.st_atime_ns, about.st_mtime_ns))


CHANGES = {
    "a new file": lambda tree: (tree / "a" / "b" / "new").touch(),
    "a new folder": lambda tree: (tree / "c" / "new").mkdir(),
    "a removed file": lambda tree: (tree / "a" / "file").unlink(),
    "a renamed file": lambda tree: (tree / "c" / "file").rename(tree / "c" / "other"),
    "a replaced file": lambda tree: (
        shutil.copy(tree / "file", tree / "part") and (tree / "part").replace(tree / "file")
    ),
    "a moved folder": lambda tree: (tree / "a" / "b").rename(tree / "c" / "b"),
    "a removed folder": lambda tree: shutil.rmtree(tree / "a"),
    "closed to others": lambda tree: (tree / "c").chmod(0o700),
    "a pipe": lambda tree: os.mkfifo(tree / "c" / "pipe"),
    "a link": lambda tree: (tree / "c" / "link").symlink_to("/"),
    "times set back": backdate,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_change_is_detected(tree, seen, change):
    change(tree)
    assert not seen.same()
    seen.snapshot()
    assert seen.same()


def test_change_right_after_a_snapshot_is_detected(tree, seen):
    """Some kernels' clocks tick every 4 ms, and a change may come sooner."""
    for number in range(REPEATS):
        (tree / "a" / "b" / f"new {number}").touch()
        seen.snapshot()
        (tree / "a" / "b" / f"new {number}").rename(tree / "a" / "b" / f"other {number}")
        assert not seen.same()
        seen.snapshot()
        assert seen.same()


def test_new_folders_are_watched(tree, seen):
    (tree / "a" / "new" / "inner").mkdir(parents=True)
    seen.snapshot()
    (tree / "a" / "new" / "inner" / "file").touch()
    assert not seen.same()


def test_added_entries(tree, seen):
    """Only new entries: a new folder without its contents, and nothing behind a link."""
    assert seen.added() == set()
    (tree / "a" / "b" / "new").touch()
    (tree / "c" / "file").unlink()
    (tree / "c" / "new").mkdir()
    (tree / "c" / "new" / "inner").touch()
    (tree / "file").write_text("another")
    assert {os.path.relpath(path, tree) for path in seen.added()} == {"a/b/new", "c/new"}
    shutil.rmtree(tree / "a" / "b")
    (tree / "a" / "b").symlink_to(tree / "c")
    assert {os.path.relpath(path, tree) for path in seen.added()} == {"c/new"}


def test_entries_that_are_not_folders(tree, seen):
    (tree / "c" / "link").symlink_to("..")
    seen.snapshot()
    names = {os.path.relpath(path, tree) for path in seen.others()}
    assert names == {"file", "a/file", "a/b/file", "c/file", "c/link"}


def test_file_system_with_constant_times_is_not_trusted(tree, monkeypatch):
    monkeypatch.setattr(module, "_mark", lambda _: (1, 2, 3, 4, 5 * 10**9))
    folders = Folders(tree)
    folders.snapshot()
    assert not folders.same()
    assert folders.added() == set()
