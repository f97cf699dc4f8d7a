"""Run a program under a guardian, and clean up after a guardian that was killed itself."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.journal import JOURNAL_FILE, read_journal
from bisect_tool.supervise.leftovers import SHM_FILE, remove_leftovers
from bisect_tool.supervise.processes import Identity, Process, below, environment, table
from bisect_tool.supervise.spec import (
    RESULT_FILE,
    SPEC_FILE,
    GuardianResult,
    GuardianSpec,
    Leftovers,
    Reason,
)
from bisect_tool.supervise.sweep import KILL_LIMIT_S, sweep

if TYPE_CHECKING:
    import threading

GUARDIAN = Path(__file__).with_name("guardian.py")
POLL_S = 0.05
MARGIN_S = 20.0
"""How much longer than its own limits a guardian may take before it counts as lost."""
LOST_GRACE_S = 1.0
QUIET_LOOKS = 3
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
        result = _result(spec, time.monotonic() - began)
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


def _result(spec: GuardianSpec, seconds: float) -> GuardianResult:
    try:
        return GuardianResult.from_json((spec.folder / RESULT_FILE).read_text())
    except FileNotFoundError:
        return GuardianResult(Reason.LOST, None, seconds, end_abandoned(spec.folder, spec.token))


def end_abandoned(folder: Path, token: str) -> Leftovers:
    """End what a killed guardian has left: marked processes, recorded ones, and what is below them."""
    ends = time.monotonic() + LOST_GRACE_S
    told = sweep(Abandoned(folder, token), lambda: ends, time.sleep)
    known = {info.identity: info for info in read_journal(folder)}
    processes = tuple(replace(known[who], ended_by=name) for who, name in told.items() if who in known)
    return Leftovers(processes, (), remove_leftovers(folder))


class Abandoned:
    """The processes of a tree that lost its guardian (and with it the parent that held it together)."""

    def __init__(self, folder: Path, token: str) -> None:
        self._mark = token.encode()
        self._recorded = {info.identity for info in read_journal(folder)}
        self._marked: dict[Identity, bool] = {}
        self._seen: list[Process] = []
        self._quiet = 0

    def alive(self) -> list[Process]:
        """What the last look found."""
        return self._seen

    def empty(self) -> bool:
        """Whether several looks in a row have found nothing: one can miss a process that is being born."""
        processes = table()
        marked = [process for process in processes.values() if self._is_ours(process)]
        found = [*marked, *below([process.pid for process in marked], processes)]
        self._seen = [process for process in found if not process.dead and process.pid != os.getpid()]
        self._quiet = 0 if self._seen else self._quiet + 1
        return self._quiet >= QUIET_LOOKS

    def _is_ours(self, process: Process) -> bool:
        who = process.identity
        if who in self._recorded:
            return True
        if who not in self._marked:
            self._marked[who] = self._mark in environment(process.pid)
        return self._marked[who]
