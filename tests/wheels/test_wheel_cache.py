"""The cache of wheels: one download, its checksum, and what is removed."""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.version import Version

from bisect_tool.errors import ExitCode
from bisect_tool.wheels.cache import OtherContent, WheelCache, WheelFolder
from bisect_tool.wheels.index import Wheel

MIB = 1 << 20


@pytest.fixture
def cache(tmp_path):
    return WheelCache(tmp_path / "wheels", 3 * MIB)


def wheel(sha):
    return Wheel(sha, f"http://host/{sha}/w.whl", "w-1.0-py3-none-any.whl", Version("1.0"), "")


def fetch(content=b"x" * MIB):
    def run(part):
        run.calls += 1
        part.write_bytes(content)
        return sha256(content).hexdigest()

    run.calls = 0
    return run


def get(cache, sha, download=None):
    return cache.get(wheel(sha), 10.0, None, pytest.fail, download or fetch())


def kept(cache):
    return sorted(path.name for path in cache.root.iterdir() if path.is_dir())


def age(cache, *shas):
    """Set old last uses of the wheels, in this order."""
    for number, sha in enumerate(shas):
        os.utime(cache.root / sha, (number, number))


def test_second_use_downloads_nothing(cache):
    download = fetch()
    for _ in range(2):
        with get(cache, "a", download) as (path, checksum):
            assert path.read_bytes() == b"x" * MIB
            assert checksum == sha256(b"x" * MIB).hexdigest()
    assert download.calls == 1


def test_file_that_was_changed_is_downloaded_again(cache):
    with get(cache, "a") as (path, _):
        path.write_bytes(b"changed")
    with get(cache, "a") as (path, _):
        assert path.read_bytes() == b"x" * MIB


def test_other_content_of_a_second_download_is_refused(cache):
    with get(cache, "a") as (path, _):
        pass
    path.unlink()
    with (
        pytest.raises(OtherContent, match="differs from its first download") as error,
        get(cache, "a", fetch(b"other")),
    ):
        pytest.fail("it was used")
    assert error.value.exit_code is ExitCode.ENVIRONMENT
    assert not path.exists()
    with get(cache, "a"):  # the first content is accepted
        pass


def test_least_recently_used_go_first(cache):
    for sha in "abc":
        with get(cache, sha):
            pass
    age(cache, "b", "a", "c")
    with get(cache, "d"):
        assert kept(cache) == ["a", "c", "d"]


def test_checksum_outlives_the_wheel(cache):
    with get(cache, "a"):
        pass
    WheelCache(cache.root, 0).evict()
    assert kept(cache) == []
    with pytest.raises(OtherContent), get(cache, "a", fetch(b"other")):
        pytest.fail("it was used")


def test_wheel_in_use_is_never_removed(cache):
    small = WheelCache(cache.root, MIB)
    with get(small, "a"), get(small, "b"):
        assert kept(small) == ["a", "b"]
    small.evict()
    assert kept(small) == ["b"]


def test_file_that_another_run_removes_meanwhile_has_no_size(cache, monkeypatch):
    with get(cache, "a"):
        pass
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "glob", lambda folder, _: [folder / "gone"])
    assert WheelFolder(cache.root / "a").size == 0


def test_unfinished_download_counts_and_is_removed(cache):
    def fails(part):
        part.write_bytes(b"x" * 4 * MIB)
        raise ConnectionError

    with pytest.raises(ConnectionError), get(cache, "a", fails):
        pytest.fail("it was used")
    assert kept(cache) == ["a"]
    with get(cache, "b"):
        assert kept(cache) == ["b"]


def test_two_runs_share_one_download(cache):
    started, go, waiting = threading.Event(), threading.Event(), []

    def slow(part):
        started.set()
        assert go.wait(60)
        return fetch()(part)

    def first():
        with get(cache, "a", slow):
            pass

    other = fetch()
    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(60)
    cancel = threading.Event()
    thread2 = threading.Thread(target=lambda: used.append(use()))
    used = []

    def use():
        with cache.get(wheel("a"), 30.0, cancel, waiting.append, other) as (path, _):
            return path.read_bytes()

    thread2.start()
    go.set()
    thread.join()
    thread2.join()
    assert used == [b"x" * MIB]
    assert other.calls == 0


def test_folder_in_use_is_not_unused(cache):
    with get(cache, "a"), WheelFolder(cache.root / "a").unused() as free:
        assert not free
    with WheelFolder(cache.root / "a").unused() as free:
        assert free
