"""The supervision's part of row 15: a program that hangs, without output or with endless output."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian import COMPLETE_S
from bisect_tool.supervise.guardian_protocol import Reason

LIMIT_S = 30.0
"""Half of the deadline: a run that nothing else ends takes longer, and one on a busy machine does not."""


def test_missing_output_ends_the_run_at_the_idle_limit(guard, figure):
    run = guard("sleep", idle_s=0.6)
    late = run.result.seconds - 0.6
    figure(f"{late:.2f} s after the limit everything was over")
    assert run.result.reason is Reason.IDLE
    assert run.survivors == []
    assert late < LIMIT_S


def test_endless_output_ends_at_the_deadline(guard, figure):
    run = guard("endless", idle_s=10.0, deadline_s=3.0)
    late = run.result.seconds - 3.0
    figure(f"{late:.2f} s after the limit everything was over")
    assert run.result.reason is Reason.DEADLINE
    assert run.survivors == []
    assert late < LIMIT_S


def test_log_in_the_watched_folder_counts_as_activity(guard):
    run = guard("busy_logs", "logs", "1", idle_s=4.0, deadline_s=6.0)
    assert run.result.reason is Reason.DEADLINE


def test_process_that_needed_sigkill_is_named(spec, ready):
    made, cancel = spec("deaf", "ready", grace_s=0.3), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made, cancel)
        try:
            ready(made)
        finally:
            cancel.set()
        result = running.result()
    assert result.exit_code == -9
    assert [process.ended_by for process in result.leftovers.processes] == ["SIGKILL"]


def test_process_that_ends_on_sigterm_is_no_leftover(guard):
    run = guard("sleep", deadline_s=0.5)
    assert run.result.exit_code == -15
    assert not run.result.leftovers


@pytest.mark.parametrize("kind", ["sleep", "deaf"])
def test_program_with_a_complete_report_is_ended_soon(spec, ready, tmp_path, kind):
    complete = tmp_path / "complete"
    made = spec(kind, "ready", complete=complete, deadline_s=60, grace_s=60)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_guarded, made)
        # A file of an earlier run is ignored: the guardian removes it at its start.
        ready(made)
        complete.touch()
        result = running.result(50)
    assert result.reason is Reason.COMPLETE
    assert result.exit_code == (-9 if kind == "deaf" else -15)
    assert result.seconds >= COMPLETE_S


def test_cancelled_before_it_began(spec):
    cancel = threading.Event()
    cancel.set()
    result = run_guarded(spec("sleep"), cancel)
    assert result.reason is Reason.CANCELLED
    assert result.seconds < LIMIT_S


def test_program_that_cannot_be_started(guard):
    run = guard(argv=("/does/not/exist",))
    assert run.result.reason is Reason.EXITED
    assert run.result.exit_code == 127
    assert "/does/not/exist" in run.log


def test_folder_that_is_not_there(guard, tmp_path):
    run = guard("leave", "0", cwd=tmp_path / "gone")
    assert run.result.exit_code == 127
    assert "gone" in run.log


def test_environment_is_passed_on_and_not_stored(guard):
    canary = "hunter2-and-more"
    run = guard("print_environment", extra_env={"A_SECRET": canary, "ROOM": "x" * 100_000})
    written = [path for path in run.spec.folder.rglob("*") if path.is_file() and path != run.spec.stdout]
    assert canary in run.log
    assert written
    assert not [path for path in written if canary in path.read_text(errors="replace")]


def test_guardians_can_guard_guardians(guard, alive):
    """A suite may run the tool itself; the outer guardian ends what a killed inner one cannot."""
    run = guard("nested", deadline_s=2.0, grace_s=2.0)
    assert run.result.reason is Reason.DEADLINE
    assert run.survivors == []


@pytest.mark.parametrize("side_by_side", [6])
def test_many_guardians_side_by_side(spec, side_by_side):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(side_by_side) as pool:
        runs = list(pool.map(run_guarded, [spec("leave", str(code)) for code in range(side_by_side)]))
    assert [run.exit_code for run in runs] == list(range(side_by_side))
