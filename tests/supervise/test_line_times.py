from __future__ import annotations

import os

import pytest

from bisect_tool.supervise import line_times
from bisect_tool.supervise.line_times import Stamps, times_file


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "logs" / "rank0.log"
    path.parent.mkdir()
    return path


@pytest.fixture
def watch(log, tmp_path):
    return Stamps(log.parent, tmp_path / "suite.log")


def add(path, text):
    with path.open("a") as file:
        file.write(text)


def read(path):
    return [tuple(map(float, line.split())) for line in times_file(path).read_text().splitlines()]


def test_growth_is_stamped_and_counts_as_activity(log, watch):
    assert not watch.poll(1.0)
    add(log, "ab\n")
    assert watch.poll(2.0)
    assert not watch.poll(3.0)
    add(log, "cd\n")
    assert watch.poll(4.0)
    assert read(log) == [(3, 2), (6, 4)]


def test_second_poll_within_an_instant_is_stamped_later(log, watch):
    add(log, "a")
    watch.poll(1.0)
    add(log, "b")
    assert watch.poll(1.01)
    assert read(log) == [(1, 1)]
    assert not watch.poll(1.06)
    assert read(log) == [(1, 1), (2, 1.06)]


def test_unstamped_growth_is_stamped_at_the_end(log, watch):
    add(log, "a")
    watch.poll(1.0)
    add(log, "b")
    watch.close(1.01)
    assert read(log) == [(1, 1), (2, 1.01)]


def test_truncated_log_restarts_its_stamps(log, watch):
    add(log, "a long line\n")
    watch.poll(1.0)
    log.write_text("new\n")
    watch.poll(2.0)
    assert read(log) == [(4, 2)]


def test_additional_file_is_stamped(watch, tmp_path):
    add(tmp_path / "suite.log", "x")
    assert watch.poll(1.0)
    assert read(tmp_path / "suite.log") == [(1, 1)]


def test_only_regular_log_files_are_stamped(log, watch):
    add(log.with_name("notes.txt"), "x")
    log.with_name("link.log").symlink_to("/proc/uptime")
    log.with_name("folder.log").mkdir()
    os.mkfifo(log.with_name("pipe.log"))
    assert not watch.poll(1.0)
    assert list(log.parent.glob("*.times")) == []


def test_folder_created_later(tmp_path):
    watch = Stamps(tmp_path / "later", tmp_path / "suite.log")
    assert not watch.poll(1.0)
    (tmp_path / "later").mkdir()
    add(tmp_path / "later" / "a.log", "x")
    assert watch.poll(2.0)


def test_size_of_the_sidecar_is_limited(log, watch, monkeypatch):
    monkeypatch.setattr(line_times, "COARSER_AFTER", 100)
    log.touch()
    for step in range(4000):
        os.truncate(log, step + 1)
        watch.poll(step * 0.06)
    assert 100 < len(read(log)) < 600
    assert read(log)[99] == (100, pytest.approx(99 * 0.06))


def test_disk_of_the_middle_of_a_huge_log_is_freed(log, watch, monkeypatch):
    monkeypatch.setattr(line_times, "HOLE_START", 1 << 16)
    monkeypatch.setattr(line_times, "HOLE_DISTANCE", 1 << 17)
    watch = Stamps(log.parent, log.parent / "none")
    block = b"x" * (1 << 16)
    for step in range(32):
        with log.open("ab") as file:
            file.write(block)
        watch.poll(float(step))
    assert log.stat().st_size == 32 << 16
    assert log.stat().st_blocks * 512 < 8 << 16
    content = log.read_bytes()
    assert content[: 1 << 16] == block
    assert content[-(1 << 17) :] == block * 2


def test_flood_keeps_ends_and_size_but_frees_disk(log, watch, monkeypatch):
    monkeypatch.setattr(line_times, "HOLE_START", 1 << 16)
    monkeypatch.setattr(line_times, "HOLE_DISTANCE", 1 << 18)
    for second in range(64):
        add(log, "z" * ((1 << 16) - 1) + "\n")
        watch.poll(float(second))
    status = log.stat()
    assert status.st_size == 1 << 22
    assert status.st_blocks * 512 < 1 << 20
    content = log.read_bytes()
    assert b"\0" not in content[: 1 << 16]
    assert b"\0" not in content[-(1 << 18) :]
