"""Rows 1, 2, 4, 6 and 8 of the fault table: processes that try to outlive their trial."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import Reason

MARK = "STUB_MARK"


def tally(runs, limit_s):
    """Check that nothing survived; returns the figure of a row. How many were in time depends on the load."""
    clean = sum(not run.survivors for run in runs)
    in_time = sum(run.sweep_s < limit_s for run in runs)
    worst = max(run.sweep_s for run in runs)
    assert clean == len(runs), [run.survivors for run in runs if run.survivors]
    return f"0 survivors in {clean} of {len(runs)}; within {limit_s} s: {in_time}; worst {worst:.2f} s"


def test_child_outlives_its_root(repeat, figure):
    runs = repeat("orphan", quick=12, full=200)
    figure(tally(runs, 1.0))
    assert {run.result.reason for run in runs} == {Reason.EXITED}
    assert {run.result.exit_code for run in runs} == {0}
    assert [len(run.result.leftovers.processes) for run in runs] == [1] * len(runs)
    assert {run.result.leftovers.processes[0].ended_by for run in runs} == {"SIGTERM"}


def test_own_sessions_and_daemons(repeat, figure):
    runs = repeat("escape", quick=12, full=200)
    figure(tally(runs, 1.0))
    assert [len(run.result.leftovers.processes) for run in runs] == [3] * len(runs)


def test_children_that_ignore_sigterm_or_are_stopped(repeat, figure):
    runs = repeat("stubborn", quick=4, full=20)
    figure(tally(runs, 9.0))
    for run in runs:
        ended = sorted(process.ended_by for process in run.result.leftovers.processes)
        assert ended == ["SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM"]


def test_chain_of_short_lived_processes(repeat, figure):
    figure(tally(repeat("chaser", quick=4, full=50, grace_s=0.5), 4.0))


def test_short_grandchildren_leave_no_zombies(spec, zombies, wait_for, figure):
    made = spec("short_grandchildren", "500")
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made, cancel)
        try:
            wait_for(lambda: made.stdout.exists() and "guardian" in made.stdout.read_text())
            guardian = int(made.stdout.read_text().split()[1])
            wait_for(lambda: zombies(guardian) == 0)
            left = zombies(guardian)
        finally:
            cancel.set()
        result = running.result()
    figure(f"{left} zombies after 500 grandchildren; {len(result.parents)} of them seen")
    assert left == 0
    assert result.reason is Reason.CANCELLED


def test_grandchild_that_keeps_stdout_open(repeat, figure):
    runs = repeat("keep_stdout", quick=8, full=200)
    figure(tally(runs, 3.0))
    assert all("root is done" in run.log for run in runs)


@pytest.mark.parametrize(("words", "code"), [(("leave", "0"), 0), (("leave", "7"), 7)])
def test_fatal_exit_is_known_at_once(guard, words, code, figure):
    run = guard(*words)
    figure(f"exit to result: {run.sweep_s:.3f} s")
    assert run.result.exit_code == code
    assert not run.result.leftovers
    assert run.sweep_s < 30, "long before the deadline"
