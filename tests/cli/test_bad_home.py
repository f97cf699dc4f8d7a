"""A home that cannot be used is an error with advice in every command."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager

import pytest

# Not `prune`, which frees a full disk, and so works without a store.
NEED_A_HOME = {
    "run": ("run", "--good", "good", "--bad", "bad", "--repo", "{engine}", "--", "true"),
    "plan": ("plan", "--good", "good", "--bad", "bad", "--repo", "{engine}", "--", "true"),
    "step": ("step", "--rev", "bad", "--repo", "{engine}", "--", "true"),
    "repro": ("repro", "bad", "--repo", "{engine}", "--", "true"),
    "fixes": ("fixes", "--at", "bad", "--repo", "{engine}", "--revert", "bad", "--", "true"),
    "demo": ("demo",),
    "status": ("status",),
    "nightly": ("nightly", "--ref", "bad", "--repo", "{engine}", "--", "true"),
    "report": ("report",),
    "resume": ("resume",),
}


def line(command, engine):
    """A command line that needs a home."""
    return [argument.format(engine=engine) for argument in NEED_A_HOME[command]]


@pytest.mark.parametrize("command", NEED_A_HOME)
def test_home_below_a_file(cli, engine, tmp_path, monkeypatch, command):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "file" / "home"))
    failed_for_the_disk(cli(*line(command, engine)))


@pytest.mark.parametrize("command", NEED_A_HOME)
def test_home_that_is_not_utf_8(cli, engine, tmp_path, monkeypatch, command):
    """Git does not find its worktrees there."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "\udcff"))
    ended = cli(*line(command, engine))
    wrong = f"error: the name of {tmp_path}/\ufffd/state is not UTF-8\n"
    assert ended.err == f"{wrong}Set BISECT_RUN_HOME to another directory.\n"
    assert (ended.code, ended.out) == (128 if command == "step" else 2, "")


@pytest.mark.parametrize("command", NEED_A_HOME)
def test_home_that_is_read_only(cli, engine, home_on, command):
    with home_on("ro"):
        failed_for_the_disk(cli(*line(command, engine)))


@pytest.mark.parametrize("command", [name for name in NEED_A_HOME if name != "plan"])
def test_home_on_a_full_disk(cli, engine, home_on, command):
    with home_on("size=64k"):
        failed_for_the_disk(cli(*line(command, engine)))


def test_disk_that_a_log_fills(cli, project, home_on, tmp_path):
    """A log that cannot be written is not a verdict on a commit."""
    noisy = tmp_path / "noisy.sh"
    noisy.write_text("#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x | fold -w 100\n")
    noisy.chmod(0o755)
    with home_on("size=1m"):
        ended = cli("--repo", project.path, "--good", "c1", "--bad", "c8", "--", noisy)
    wrong, advice, details = ended.err.splitlines()[-3:]
    assert re.fullmatch(r"error: the disk of \S+ is full", wrong)
    assert advice == "Free some space, then resume."
    assert re.fullmatch(r"Details: \S+/bisect-run\.log", details)
    assert "the session can be resumed: bisect-run resume" in ended.err
    assert (ended.code, ended.out) == (5, "")


def failed_for_the_disk(ended):
    wrong, advice = ended.err.splitlines()
    assert wrong.startswith("error: ")
    assert "BISECT_RUN_HOME" in advice
    assert (ended.code, ended.out) in ((5, ""), (128, ""))


@pytest.fixture
def home_on(tmp_path, monkeypatch):
    """A function that puts the home on a tmpfs, mounted with options."""

    @contextmanager
    def mounted(options):
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True, timeout=60).returncode:
            pytest.skip("this user may not mount")
        monkeypatch.setenv("BISECT_RUN_HOME", str(folder))
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)

    return mounted
