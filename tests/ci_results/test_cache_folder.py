"""Files of cached responses of services."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from bisect_tool.ci_results.cache_folder import CacheFolder

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def files(tmp_path):
    return CacheFolder(tmp_path / "cache", ".json")


def age(file, days):
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(file, (then, then))


def test_files_unused_for_a_month_are_removed(files):
    for url, days in (("old", 31), ("new", 29)):
        files.write(url, b"x")
        age(files.file(url), days)
    files.remove_unused(NOW)
    assert (files.file("old").exists(), files.file("new").exists()) == (False, True)


def test_reading_renews_a_file(files):
    files.write("a", b"x")
    age(files.file("a"), 400)
    assert files.read("a") == b"x"
    files.remove_unused(NOW)
    assert files.file("a").exists()


def test_reading_through_a_link_leaves_its_file_unchanged(files, tmp_path):
    """A dry run reads the files of the home through links."""
    (tmp_path / "real").write_bytes(b"x")
    age(tmp_path / "real", 400)
    files.file("a").parent.mkdir()
    files.file("a").symlink_to(tmp_path / "real")
    before = (tmp_path / "real").stat().st_mtime
    assert files.read("a") == b"x"
    assert (tmp_path / "real").stat().st_mtime == before


def test_interrupted_write_leaves_the_file_unchanged(files, monkeypatch):
    files.write("a", b"x")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        files.write("a", b"y")
    assert files.read("a") == b"x"
    assert [each.name for each in files.file("a").parent.iterdir()] == [files.file("a").name]


def test_missing_folder_has_nothing_to_remove(files):
    files.remove_unused(NOW)
