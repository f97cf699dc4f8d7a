"""Names of files that a trial left: a few, however many there are."""

from __future__ import annotations

import os

import pytest

from bisect_tool.trial.left_files import left_files


@pytest.fixture
def places(tmp_path):
    temporary, tree = tmp_path / "temporary", tmp_path / "tree"
    temporary.mkdir()
    tree.mkdir()
    return temporary, tree


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_no_leftover(places):
    assert left_files(*places, ()) == ()


def test_leftovers_in_temporary_folder_and_tree(places):
    temporary, tree = places
    fill(temporary, "b", "a/deep/c")
    fill(tree, "new", "made/one", "made/__pycache__/two.pyc", "old")
    added = [str(tree / name) for name in ("new", "made")]
    assert left_files(temporary, tree, added) == ("$TMPDIR/b", "$TMPDIR/a/deep/c", "new", "made/one")


def test_ignored_files(places):
    temporary, tree = places
    fill(temporary, "pytest-of-root/pytest-0/test_x0/file", "server.log", "x/__pycache__/y.pyc", "z.pyc")
    fill(temporary, "sub/.pytest_cache/v/cache/lastfailed")
    assert left_files(temporary, tree, ()) == ()


def test_some_of_many_are_named(places):
    temporary, tree = places
    fill(temporary, *(f"{number:03}" for number in range(30)), "in/one")
    named = left_files(temporary, tree, ())
    assert named == (*(f"$TMPDIR/{number:03}" for number in range(8)), "... and 23 more")


def test_too_many_to_count(places):
    temporary, tree = places
    for number in range(3):
        fill(temporary, *(f"{number}/{inner:04}" for inner in range(500)))
    assert left_files(temporary, tree, ())[8:] == ("... and over 992 more",)
    fill(temporary, *(f"one/{inner:04}" for inner in range(1500)))
    assert left_files(temporary, tree, ())[8:] == ("... and over 992 more",)


def test_names_are_sanitised(places, monkeypatch):
    temporary, tree = places
    monkeypatch.setenv("API_TOKEN", "canary-0123456789")
    names = (b"\xff\x1b]0;t\x07", b"canary-0123456789", b"l" * 255)
    for name in names:
        (temporary / os.fsdecode(name)).touch()
    assert left_files(temporary, tree, ()) == ("$TMPDIR/***", f"$TMPDIR/{'l' * 151}…", "$TMPDIR/\ufffd")


def test_unreadable_folder(places, monkeypatch):
    temporary, tree = places
    (temporary / "closed").mkdir()
    fill(temporary, "closed/inner")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert left_files(temporary, tree, ()) == ("$TMPDIR/closed/",)
