"""The load of the machine: the kernel's figures, and what counts as busy."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from bisect_tool.supervise import machine_load
from bisect_tool.supervise.machine_load import Load, LoadMeter, current_load

PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
BUSY = Load(cpus=2, load_before=8.0, load_after=8.0, others=1.5, cpu=0.6, memory=0.0, io=0.0)


@pytest.mark.parametrize(
    ("changes", "busy"),
    [
        ({}, "CPU pressure 60%"),
        ({"others": None}, "CPU pressure 60%"),
        ({"cpu": 0.1}, ""),  # whatever the load average
        ({"others": 0.1}, ""),  # what waits for itself
        ({"others": 0.1, "memory": 0.2}, "memory pressure 20%"),
        ({"cpu": None}, "load 8.0 on 2 CPUs"),
        ({"cpu": None, "load_before": 0.5}, "load 8.0 on 2 CPUs"),
        ({"cpu": None, "load_before": 0.5, "load_after": 1.0}, ""),
        ({"cpu": None, "others": 0.1}, ""),
        ({"cpu": None, "cpus": 32.0}, ""),
    ],
)
def test_busy_names_the_measure_and_the_figure(changes, busy):
    assert replace(BUSY, **changes).busy == busy


@pytest.mark.parametrize(
    ("changes", "slowing"),
    [
        ({"own": None}, "CPU pressure 60%"),
        ({"own": 0.3}, "CPU pressure 60%"),
        ({"own": 0.01}, ""),  # it slept
        ({"own": 0.01, "memory": 0.5}, "memory pressure 50%"),
        ({"own": 0.3, "cpu": 0.0}, ""),
    ],
)
def test_program_that_hardly_used_a_cpu_was_not_slowed(changes, slowing):
    assert replace(BUSY, **changes).slowing == slowing


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A function that writes the kernel's files; others are absent."""
    monkeypatch.setattr(machine_load, "PRESSURE", (f"{tmp_path}/pressure-{{}}", f"{tmp_path}/{{}}.pressure"))
    for name in ("STAT", "LOADAVG", "QUOTA", "VMSTAT"):
        monkeypatch.setattr(machine_load, name, str(tmp_path / name))

    def write(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / name.replace("__", "-").replace("_dot_", ".")).write_text(text)

    return write


def pressure(recent: float, stalled_s: float) -> str:
    return (
        f"some avg10={recent} avg60=0.00 avg300=0.00 total={int(stalled_s * 1e6)}\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
    )


def cpu(busy_s: float) -> str:
    ticks = int(busy_s * os.sysconf("SC_CLK_TCK"))
    return f"cpu  {ticks} 0 0 9999 8888 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"


def test_meter_measures_the_time_between_readings(kernel, monkeypatch):
    own, times = iter([1.0, 4.0]), iter([100.0, 110.0])
    monkeypatch.setattr(machine_load.time, "monotonic", lambda: next(times))
    kernel(STAT=cpu(50), LOADAVG="0.50 0.40 0.30 1/100 7\n", QUOTA="50000 100000\n")
    kernel(pressure__cpu=pressure(1.0, 10), pressure__memory=pressure(0.0, 0), VMSTAT="oom_kill 3\n")
    meter = LoadMeter(lambda: next(own))
    kernel(STAT=cpu(68), LOADAVG="8.25 0.40 0.30 1/100 7\n")
    kernel(pressure__cpu=pressure(1.0, 16), VMSTAT="nr_free_pages 7\noom_kill 5\n")
    expected = Load(0.5, 0.5, 8.25, others=1.5, cpu=0.6, memory=0.0, io=None, own=0.3, oom_kills=2)
    assert meter.read() == expected


def test_pressure_is_the_higher_one_of_machine_and_container(kernel, monkeypatch):
    times = iter([100.0, 110.0])
    monkeypatch.setattr(machine_load.time, "monotonic", lambda: next(times))
    kernel(pressure__cpu=pressure(3.0, 10), cpu_dot_pressure=pressure(40.0, 0))
    assert current_load().cpu == 0.4
    meter = LoadMeter(float)
    kernel(cpu_dot_pressure=pressure(40.0, 5))
    assert meter.read().cpu == 0.5


def test_absent_files_have_no_figures(kernel):
    cpus = len(os.sched_getaffinity(0))
    assert replace(LoadMeter(float).read(), own=None) == current_load() == Load(cpus, 0.0, 0.0)


@pytest.mark.parametrize("quota", ["max 100000\n", "", "odd"])
def test_all_cpus_count_without_a_quota(kernel, quota):
    kernel(QUOTA=quota)
    assert current_load().cpus == len(os.sched_getaffinity(0))


def test_load_of_this_machine():
    now = LoadMeter(float).read()
    assert now.cpus >= 0.01
    assert now.others is not None
    assert str(now).endswith("CPUs")


def test_cpu_of_this_process_and_its_children_is_not_other_load():
    """The time of a child that has ended, and of one that runs."""
    before = machine_load._own_seconds()
    spin = "import time\nwhile time.process_time() < {}: pass\nprint(flush=True)\ninput()"
    ended = subprocess.Popen([sys.executable, "-S", "-c", spin.format(0.5)], **PIPES)
    runs = subprocess.Popen([sys.executable, "-S", "-c", spin.format(0.5)], **PIPES)
    try:
        for process in (ended, runs):
            assert process.stdout.readline() == b"\n"
        ended.communicate(b"\n", timeout=60)
        assert machine_load._own_seconds() - before >= 0.9
    finally:
        runs.communicate(b"\n", timeout=60)


def test_watch_measures_again_after_some_seconds(monkeypatch):
    monkeypatch.setattr(machine_load, "current_load", lambda: BUSY)
    now = [100.0]
    monkeypatch.setattr(machine_load.time, "monotonic", lambda: now[0])
    watch = machine_load.BusyWatch()
    assert watch() == "CPU pressure 60%"
    monkeypatch.setattr(LoadMeter, "read", lambda _: replace(BUSY, cpu=0.0))
    assert watch() == "CPU pressure 60%"
    now[0] += machine_load.WATCH_S
    assert watch() == ""
