"""The fourth history: the first one on a device with memory, with a culprit that leaks it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from bisect_tool.supervise import simulated_gpu

PINNED = {
    "good": "c0b9e13be87adaa81edd92d1c6e1503f395c19d1",
    "bad": "6666805f70d1750d39f2d82ed05d920b2b1142e0",
    "culprit": "de9eb575bb44e367fe7eb2f4ad773e29f5e28b3b",
}
RESERVE = """
import sys
from refengine.device import Device
device = Device.find()
device.reserve(0.45)
print("reserved", flush=True)
sys.stdin.read()
"""
MIB = 1 << 20


@pytest.fixture(scope="module")
def other_repository(bundled_history):
    return bundled_history("gpu")[0]


@pytest.fixture(scope="module")
def fourth(bundled_history):
    return bundled_history("gpu")[1]


def test_hashes_are_those_that_the_documentation_names(fourth):
    assert {name: fourth.labels[name] for name in PINNED} == PINNED
    assert fourth.head == PINNED["bad"]


def test_readme_names_its_ends(fourth, series):
    text = series.with_name("README.md").read_text(encoding="utf-8")
    section = text.partition("## The fourth history")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([0-9a-f]{9})`", section)) == {sha[:9] for sha in PINNED.values()}


def test_gpu_history_changes_the_first_at_two_commits(fourth, other_repository, history, repository):
    """At each other commit it changes the same lines."""

    def changed(where, sha):
        command = [
            "git",
            "--git-dir",
            str(where),
            "diff-tree",
            "-p",
            "--first-parent",
            "-m",
            "--no-commit-id",
            sha,
        ]
        diff = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        return [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    labels = fourth.labels.keys() - PINNED.keys()
    other = {
        label
        for label in labels
        if changed(other_repository, fourth.labels[label]) != changed(repository, history.labels[label])
    }
    assert other == {"docs-flags", "shutdown-timeout"}


@pytest.fixture(scope="module")
def tree(fourth, other_repository, unpack_of):
    return unpack_of(fourth, other_repository)("bad")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A simulated GPU of 1000 MiB."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path))
    simulated_gpu.create()
    made = tmp_path / "cache" / "assets" / simulated_gpu.FOLDER
    (made / "total").write_text(f"{1000 * MIB}\n")
    return made


@pytest.fixture
def worker(tree, folder):
    """Start a process that reserves 45% of the device, as a worker does."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "CUDA_VISIBLE_DEVICES": "SIM-0",
        "REFENGINE_DEVICE": str(folder),
    }
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", RESERVE],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=60)


def output(process):
    """The output of a worker until it has reserved its memory, or ended."""
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1] == "reserved":
            break
    return lines


def used(folder):
    return simulated_gpu.read(folder).used // MIB


def test_workers_share_a_device_until_too_little_is_free(worker, folder):
    first, second = worker(), worker()
    assert [output(each)[-1] for each in (first, second)] == ["reserved", "reserved"]
    assert used(folder) == 900
    *_, error = output(worker())
    assert error == (
        "ValueError: Free memory on device sim:0 (0.10/0.98 GiB) on startup is less than desired "
        "GPU memory utilization (0.45, 0.44 GiB). "
        "Decrease GPU memory utilization or reduce GPU memory used by other processes."
    )
    first.kill()
    first.wait(60)
    assert output(worker())[-1] == "reserved"
    assert used(folder) == 900
