"""`doctor`: available and missing requirements of a machine."""

from __future__ import annotations

import errno
import fcntl
import re
import sys

import pytest

from bisect_tool.cli import machine_checks


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine without GPUs, with enough disk space."""
    monkeypatch.setattr(machine_checks, "snapshot", tuple)
    monkeypatch.setattr(machine_checks, "_DISK_GIB", 0)


def rows(ended):
    return re.findall(r"(?m)^([✓✗-])  (\w+) +(.*?) *$", ended.out)


def test_machine_with_all_requirements(cli, home):
    ended = cli("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("All required checks passed.\n\n")
    found = {name: (mark, text) for mark, name, text in rows(ended)}
    assert list(found) == ["Python", "git", "disk", "store", "load", "demo", "uv", "GPUs"]
    assert found["load"] == ("✓", "CPU pressure 1%, load 0.1 on 2 CPUs")
    assert found["GPUs"] == ("-", "none")
    assert found["Python"] == ("✓", ".".join(map(str, sys.version_info[:3])))
    assert re.fullmatch(rf"\d+ GiB free at {home}/cache", found["disk"][1])
    assert "only profiles without GPUs can run" in ended.out


def test_busy_machine_passes_and_is_reported(cli, load):
    load(cpu=0.6, load_after=8.0)
    ended = cli("doctor")
    assert ended.code == 0
    assert ("-", "load", "busy: CPU pressure 60%, load 8.0 on 2 CPUs") in rows(ended)
    assert "tests with deadlines may time out" in ended.out


def test_gpus_are_counted(cli, monkeypatch):
    monkeypatch.setattr(machine_checks, "snapshot", lambda: ("one", "two"))
    assert ("✓", "GPUs", "2 GPUs") in rows(cli("doctor"))


def test_missing_checks_come_first(cli, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "file" / "home"))
    ended = cli("doctor")
    assert ended.code == 5
    assert ended.out.startswith("Missing: disk.\n\n✗  disk ")
    assert "set BISECT_RUN_HOME to a writable directory" in ended.out
    assert [mark for mark, *_ in rows(ended)].count("✗") == 1


def test_filesystem_without_file_locks_is_reported(cli, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    ended = cli("doctor")
    assert ended.code == 5
    assert ended.out.startswith("Missing: disk.\n\n✗  disk ")
    assert "cannot be locked: No locks available" in " ".join(ended.out.split())


def test_little_disk(cli, monkeypatch):
    monkeypatch.setattr(machine_checks, "_DISK_GIB", 10**9)
    ended = cli("doctor")
    assert ended.code == 5
    assert "free 1000000000 GiB there, or set BISECT_RUN_HOME to a directory on another disk" in ended.out


def test_packages_of_the_demo_are_optional(cli, monkeypatch):
    monkeypatch.setattr(machine_checks, "_ENGINE", ("sys", "nothing_of_this_name"))
    ended = cli("doctor")
    assert ended.code == 0
    assert ("-", "demo", "missing nothing_of_this_name") in rows(ended)
    assert "in a clone of bisect-run: pip install '.[engine]'" in ended.out
