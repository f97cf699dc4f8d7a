"""Stress on a trial: it starts with the check, affects the selected processes, and ends with the check."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from projects import survivors

from bisect_tool.supervise.stress import BURNERS_PER_CORE, NICENESS

LOOK = """#!{python}
# Exits with 1 once {many} processes of lower priority run beside it, with 0 after a minute.
import os, sys, time
from pathlib import Path

def beside():
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found += int(fields[1]) == os.getppid() and int(fields[16]) == min(os.nice(0) + {nice}, 19)
    return found

ends = time.monotonic() + 60
while time.monotonic() < ends:
    if beside() == {many}:
        sys.exit(1)
    time.sleep(0.02)
"""

CONTINUED = """#!/bin/bash
# Exits with 1 if a process of this name is stopped and continued within these seconds.
exec -a {name} {python} -c '
import signal, sys, time
signal.signal(signal.SIGCONT, lambda *_: sys.exit(1))
time.sleep({seconds})
'
"""


def repro(project, *args):
    return project.run("repro", "HEAD", "--runs", "1", *args, "--json", "--", "./check.sh")


@pytest.mark.parametrize(
    ("kind", "many"), [("cpu", BURNERS_PER_CORE * len(os.sched_getaffinity(0))), ("memory", 1)]
)
def test_stress_runs_beside_the_check(project, kind, many):
    project.commit(0)
    project.write_check(LOOK.format(python=sys.executable, nice=NICENESS, many=many))
    ended = repro(project, "--stress", kind)
    assert ended.code == 1, ended.stderr
    assert ended.document.repro.stress == kind
    assert f"1 of 1 runs under --stress={kind}" in ended.document.conclusion
    assert ended.document.trials[0].leftovers == ()
    assert survivors(project.mark) == []


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("check", ("--stress", "delay"), 1),
        ("VLLM::EngineCore_DP0", ("--stress", "delay", "--stress-role", "EngineCore"), 1),
        ("VLLM::EngineCore_DP0", ("--stress", "delay", "--stress-role", "Worker"), 0),
        ("check", ("--stress", "delay", "--stress-role", "Worker"), 0),
        ("check", (), 0),
    ],
)
def test_delay_stops_the_selected_process(project, name, args, code):
    project.commit(0)
    seconds = 60 if code else 2  # it ends once it was stopped and continued
    project.write_check(CONTINUED.format(name=name, python=sys.executable, seconds=seconds))
    ended = repro(project, *args)
    assert ended.code == code, ended.stderr


@pytest.mark.parametrize(("code", "ends"), [(7, 1), (125, 3), ("kill", 5)])
def test_exit_code_of_the_stressed_check_counts(project, code, ends):
    project.commit(code)
    project.write_check()
    assert repro(project, "--stress", "cpu").code == ends


@pytest.mark.parametrize("kind", ["cpu", "delay"])
def test_interrupted(project, wait_for, tmp_path, kind):
    """Running and stopped processes are ended."""
    started = tmp_path / "started"
    project.commit(0)
    project.write_check(f"#!/bin/sh\ntouch {started}\nsleep 600\n")
    process = project.fork("repro", "HEAD", "--stress", kind, "--", "./check.sh")
    wait_for(started.exists)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert survivors(project.mark) == []


@pytest.mark.parametrize(
    "args",
    [
        ("--stress", "heat"),
        ("--stress-role", "Worker"),
        ("--stress", "cpu", "--stress-role", "Worker"),
        ("--stress", "delay", "--stress-role", "a b"),
    ],
)
def test_misuse(project, args):
    project.commit(0)
    project.write_check()
    ended = repro(project, *args)
    assert (ended.code, ended.stdout, "Traceback" in ended.stderr) == (2, "", False)
