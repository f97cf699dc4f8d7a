"""Run a program under a guardian, and clean up after a guardian that was killed itself."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.abandoned import end_abandoned
from bisect_tool.supervise.journal import JOURNAL_FILE
from bisect_tool.supervise.leftovers import SHM_FILE
from bisect_tool.supervise.spec import RESULT_FILE, SPEC_FILE, GuardianResult, GuardianSpec, Reason
from bisect_tool.supervise.sweep import KILL_LIMIT_S

if TYPE_CHECKING:
    import threading

GUARDIAN = Path(__file__).with_name("guardian.py")
POLL_S = 0.05
MARGIN_S = 20.0
"""How much longer than its own limits a guardian may take before it counts as lost."""
GUARDIAN_OUTPUT = "guardian.out"


def run_guarded(spec: GuardianSpec, cancel: threading.Event | None = None) -> GuardianResult:
    """Run `spec` to its end and return when nothing of it runs any more.

    Set `cancel` to end it early. An exception in here (Ctrl-C) ends it, too, before it goes on. Blocks at
    most deadline + grace + twice `MARGIN_S`; when the guardian dies or is stuck, the tree is ended from here
    (`Reason.LOST`).
    """
    began = time.monotonic()
    spec.folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULT_FILE, JOURNAL_FILE, SHM_FILE):
        (spec.folder / name).unlink(missing_ok=True)
    spec_file = spec.folder / SPEC_FILE
    spec_file.write_text(spec.without_env().to_json())
    with (spec.folder / GUARDIAN_OUTPUT).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARDIAN), str(spec_file)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    try:
        _say(process, json.dumps(dict(spec.env)))
        _wait(process, spec, cancel)
    finally:
        _finish(process, spec)
        result = _result(spec, began)
    return result


def _wait(process: subprocess.Popen[bytes], spec: GuardianSpec, cancel: threading.Event | None) -> None:
    ends = time.monotonic() + spec.deadline_s + spec.grace_s + MARGIN_S
    while time.monotonic() < ends and not _ended(process, POLL_S):
        if cancel is not None and cancel.is_set():
            return


def _finish(process: subprocess.Popen[bytes], spec: GuardianSpec) -> None:
    """Let the guardian clean up if it still runs. Interrupted once more, leave it to that alone."""
    try:
        _say(process, "cancel")
        ended = _ended(process, spec.grace_s + KILL_LIMIT_S + MARGIN_S / 2)
    finally:
        _hang_up(process)
    if not ended:
        process.kill()
        process.wait()


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of the guardian; it is our child, so its pid is its own until it is reaped."""
    if process.poll() is not None:
        return True
    descriptor = os.pidfd_open(process.pid)
    try:
        select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return process.poll() is not None


def _say(process: subprocess.Popen[bytes], line: str) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()


def _result(spec: GuardianSpec, began: float) -> GuardianResult:
    try:
        return GuardianResult.from_json((spec.folder / RESULT_FILE).read_text())
    except FileNotFoundError:
        ended = time.time()
        leftovers, parents = end_abandoned(spec.folder, spec.token)
        seconds = time.monotonic() - began
        return GuardianResult(Reason.LOST, None, seconds, ended, leftovers, parents)
