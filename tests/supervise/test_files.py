"""Files of the tool: complete or absent; and what a trial may have put in their place."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from bisect_tool.supervise.files import append_regular, open_regular, read_regular, write_atomically


@pytest.fixture
def calls(monkeypatch):
    """The calls of fsync and rename, in order; a descriptor is recorded by the path it is open on."""
    made = []
    sync, rename = os.fsync, Path.replace

    def fsync(descriptor):
        made.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    def replace(path, target):
        made.append(("rename", target))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return made


def odd(kind, path, elsewhere):
    """Make something at `path` that is not a regular file, or a link to one elsewhere."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {
            "dangling": "/nowhere/at/all",
            "endless": "/dev/zero",
            "elsewhere": str(elsewhere),
            "loop": path.name,
        }
        path.symlink_to(targets[kind])


ODD = ["pipe", "folder", "dangling", "endless", "elsewhere", "loop"]


def test_file_and_folder_are_on_disk_before_and_after_the_rename(tmp_path, calls):
    target = tmp_path / "record"
    write_atomically(target, "whole")
    (first, part), renamed, last = calls
    assert first == "fsync"
    assert part.parent == tmp_path
    assert renamed == ("rename", target)
    assert last == ("fsync", tmp_path)
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["pipe", "dangling", "endless", "elsewhere", "loop"])
def test_existing_entry_is_replaced_and_not_written_to(tmp_path, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    odd(kind, tmp_path / "record", elsewhere)
    write_atomically(tmp_path / "record", b"whole")
    assert (tmp_path / "record").read_bytes() == b"whole"
    assert not (tmp_path / "record").is_symlink()
    assert elsewhere.read_text() == "mine"


def test_failed_rename_leaves_no_file(tmp_path):
    (tmp_path / "record").mkdir()
    with pytest.raises(OSError, match="record"):
        write_atomically(tmp_path / "record", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


@pytest.mark.parametrize("kind", ODD)
def test_only_regular_files_are_read_or_written(tmp_path, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    odd(kind, tmp_path / "log", elsewhere)
    with pytest.raises(OSError, match="log"):
        open_regular(tmp_path / "log")
    with pytest.raises(OSError, match="log"):
        append_regular(tmp_path / "log", "more")
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "missing", "missing/inner"])
def test_invalid_name_is_an_os_error(tmp_path, name):
    with pytest.raises(OSError, match=r"null|name|No such"):
        open_regular(tmp_path / name)


def test_read_size_is_limited(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 100)
    assert read_regular(tmp_path / "log", 10) == b"x" * 10


def test_append_and_truncate(tmp_path):
    append_regular(tmp_path / "log", "one\n")
    append_regular(tmp_path / "log", "two\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    append_regular(tmp_path / "log", "three\n", anew=True)
    assert (tmp_path / "log").read_text() == "three\n"


def test_memory_is_reserved_only_for_the_content(tmp_path):
    """With limited memory (`ulimit -v`), the largest record would not fit."""
    record = tmp_path / "record"
    record.write_bytes(b"short")
    tracemalloc.start()
    try:
        assert read_regular(record) == b"short"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
