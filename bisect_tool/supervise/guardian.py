"""The guardian: a small process that runs one program, enforces its deadline, and cleans up after it.

Forked by `forked_guardian.py`, or started as `python guardian.py SPEC.json` (or with `-m`), in a session of
its own and with a pipe or socket on stdin. The first line is the program's environment as a JSON object (so
that secrets do not reach the disk), the line `cancel` ends the program, and EOF means that the caller has
ended. Only the standard library, so that it starts fast and under any interpreter (`-I -S`).

It is the child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) of everything the program starts: a daemon that
leaves its session and its parent becomes the guardian's child. So none escapes, and the kernel itself reports
that no child is left; a listing of /proc can miss one.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if not __package__:  # started by its path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise.caller import CallerLink
from bisect_tool.supervise.files import write_atomically
from bisect_tool.supervise.guardian_protocol import (
    RESULT_FILE,
    GuardianResult,
    GuardianSpec,
    Leftovers,
    Reason,
    digest,
    marked,
)
from bisect_tool.supervise.journal import Journal, write_guardian
from bisect_tool.supervise.line_times import STAMP_S, Stamps
from bisect_tool.supervise.linux import become_subreaper
from bisect_tool.supervise.machine_load import LoadMeter
from bisect_tool.supervise.ports import PortWatch
from bisect_tool.supervise.process_set import sweep
from bisect_tool.supervise.processes import Identity, Process, below, read_process, table
from bisect_tool.supervise.program import execute, why_not
from bisect_tool.supervise.shared_memory import ShmWatch, remove_leftovers
from bisect_tool.supervise.throttle import Throttle

if TYPE_CHECKING:
    from types import FrameType

SCAN_S = 0.2
SETTLE_S = 0.4
"""Time for helpers such as Python's resource tracker, which end right after their parent."""
ORPHAN_GRACE_S = 1.0
COMPLETE_S = 3.5
COMPLETE_GRACE_S = 1.0
"""Time for a program with a complete report to exit by itself, then after SIGTERM."""
NOT_STARTED = 127
_REFUSAL_LIMIT = 4096
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Guardian:
    """Runs one spec. Every wait is a `tick`, which also stamps logs, reaps children and polls."""

    def __init__(self, spec: GuardianSpec, caller: Identity) -> None:
        self.spec = spec
        self.exit_code: int | None = None
        self._root = 0
        self._refusal = -1
        self._caller = CallerLink(caller)
        # Times are monotonic from here on, independent of the machine's clock.
        self._epoch = time.time() - time.monotonic()
        self._began = self._grew_at = time.monotonic()
        self._complete_at: float | None = None
        self._load = LoadMeter(_cpu_seconds)
        self._journal = Journal(spec.folder)
        self._stamps = Stamps(spec.watch, spec.stdout)
        self._shm = ShmWatch(spec.folder)
        self._ports = PortWatch()
        self._stamp_throttle, self._scan_throttle, self._shm_throttle = (
            Throttle(STAMP_S, 1),
            Throttle(SCAN_S),
            Throttle(0.0, 3),
        )
        self._wakeup = wakeup_pipe()
        for number in _HANDLED:
            signal.signal(number, self._on_signal)

    def run(self) -> GuardianResult:
        """Run the program until nothing of it is left."""
        try:
            env = self._caller.read_environment()
            if env is not None and not self._caller.cancelled:
                self._start(env)
            reason, ended = self._watch(), self._now()
            leftovers = self._clean_up(reason)
        except BaseException:
            now = time.monotonic()
            sweep(self, lambda: now, time.sleep)
            raise
        return GuardianResult(
            reason=reason,
            exit_code=self.exit_code,
            seconds=time.monotonic() - self._began,
            ended=ended,
            leftovers=leftovers,
            parents=self._journal.parents(),
            load=self._load.read(),
            not_started=self._not_started(),
        )

    def alive(self) -> list[Process]:
        """Return the running processes of the program."""
        if self.empty():  # usually true at the end, and then no listing is needed
            return []
        return [process for process in below([os.getpid()], table()) if not process.dead]

    def empty(self) -> bool:
        """Whether no descendant is left."""
        return self._reap()

    def _start(self, env: dict[str, str]) -> None:
        """Record the program before it starts, so that a later run can identify it."""
        closed, opened = os.pipe()
        # Not inherited: only a process that could not execute the program writes to it.
        self._refusal, refuse = os.pipe()
        with self.spec.stdout.open("ab") as output:
            self._root = os.fork()
            if self._root == 0:
                os.close(opened)
                _execute(self.spec, marked(env, self.spec.token), closed, output.fileno(), refuse)
        os.close(closed)
        os.close(refuse)
        program = read_process(self._root)
        self._journal.poll([program] if program else [], self._now())
        os.write(opened, b"!")
        os.close(opened)

    def _not_started(self) -> str:
        """Return why the program could not be started; empty if it was started."""
        if self.exit_code != NOT_STARTED:
            return ""
        return os.read(self._refusal, _REFUSAL_LIMIT).decode(errors="replace")

    def _watch(self) -> Reason:
        while True:
            now = time.monotonic()
            if self.exit_code is not None:
                return Reason.EXITED
            if self._caller.gone_at is not None:
                return Reason.PARENT_GONE
            if self._caller.cancelled:
                return Reason.CANCELLED
            if now - self._began >= self.spec.deadline_s:
                return Reason.DEADLINE
            if self._complete_at is not None and now - self._complete_at >= COMPLETE_S:
                return Reason.COMPLETE
            if self.spec.idle_s is not None and now - self._grew_at >= self.spec.idle_s:
                return Reason.IDLE
            self.tick(STAMP_S)

    def _clean_up(self, reason: Reason) -> Leftovers:
        survivors: dict[Identity, tuple[int, ...]] = {}
        if reason is Reason.EXITED:
            self._settle()
            survivors = {process.identity: self._ports.ports_of(process.pid) for process in self.alive()}
        self._poll_processes()
        began = time.monotonic()
        grace = min(self.spec.grace_s, COMPLETE_GRACE_S) if reason is Reason.COMPLETE else self.spec.grace_s
        signals = sweep(self, lambda: self._grace_end(began + grace), self.tick)
        self._poll_processes()
        self._stamps.close(self._now())
        if reason is not Reason.EXITED:
            survivors = {who: () for who, name in signals.items() if name == "SIGKILL"}
        processes = tuple(
            replace(info, ports=survivors[info.identity], ended_by=signals.get(info.identity, ""))
            for info in self._journal.known()
            if info.identity in survivors
        )
        return Leftovers(processes, self._ports.still_bound(), remove_leftovers(self.spec.folder))

    def _settle(self) -> None:
        ends = time.monotonic() + SETTLE_S
        while not self.empty() and time.monotonic() < ends:
            self.tick(SETTLE_S / 20)

    def _grace_end(self, ends: float) -> float:
        return ends if self._caller.gone_at is None else min(ends, self._caller.gone_at + ORPHAN_GRACE_S)

    def tick(self, seconds: float) -> None:
        """Wait up to the timeout for a signal, a message or an entry in /dev/shm; then poll."""
        sources = [self._wakeup, *self._caller.descriptors]
        if self._shm.descriptor >= 0 and self._shm_throttle.due():
            sources.append(self._shm.descriptor)
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._wakeup in ready:
            os.read(self._wakeup, 4096)
        if set(ready) & set(self._caller.descriptors):
            self._caller.read()
        self._caller.poll()
        self._reap()
        if self._stamp_throttle.due():
            with self._stamp_throttle.poll():
                self._poll_logs()
        if self._shm.descriptor in ready or self._scan_throttle.due():
            with self._shm_throttle.poll():
                self._shm.poll(lambda: [process.pid for process in self.alive()])
        if self._scan_throttle.due():
            with self._scan_throttle.poll():
                self._poll_processes()

    def _poll_logs(self) -> None:
        if self._stamps.poll(self._now()):
            self._grew_at = time.monotonic()
        if self._complete_at is None and self.spec.complete and self.spec.complete.exists():
            self._complete_at = time.monotonic()

    def _poll_processes(self) -> None:
        alive = self.alive()
        self._journal.poll(alive, self._now())
        self._ports.poll(alive)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._caller.cancelled = True

    def _reap(self) -> bool:
        """Reap ended children; returns True if none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._root:
                self.exit_code = os.waitstatus_to_exitcode(status)
                self._root = 0  # its pid may be reused

    def _now(self) -> float:
        return self._epoch + time.monotonic()


def _cpu_seconds() -> float:
    """Return the CPU time of the program and its descendants, as far as they were reaped."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wakeup_pipe() -> int:
    """Return a descriptor that becomes readable with every signal, including SIGCHLD."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return readable


def _execute(spec: GuardianSpec, env: dict[str, str], gate: int, output: int, refuse: int) -> NoReturn:
    """Execute the program in the forked process, once the gate is readable.

    If it cannot be started, the reason is written to `refuse`.
    """
    try:
        # The guardian's own handlers, and those that Python ignores: a program would go on ignoring them.
        for name in (*_HANDLED, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        if os.read(gate, 1):
            os.setsid()
            for descriptor, number in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
                os.dup2(descriptor, number)
            os.chdir(spec.cwd)
            execute(spec.argv, env)
    except (OSError, ValueError) as error:
        why = why_not(spec.argv, spec.cwd, error) if isinstance(error, OSError) else f"cannot run: {error}"
        os.write(output, f"{why}\n".encode(errors="replace"))
        os.write(refuse, why.encode(errors="replace")[:_REFUSAL_LIMIT])
    finally:
        os._exit(NOT_STARTED)


def guard(spec: GuardianSpec, caller: Identity, keeper: Identity | None = None) -> bytes:
    """Guard the program of this spec for `caller`, and write the result; returns its digest."""
    become_subreaper()
    write_guardian(spec.folder, keeper)
    record = Guardian(spec, caller).run().to_json()
    write_atomically(spec.folder / RESULT_FILE, record)
    return digest(record)


def main() -> None:
    """Guard the program of the spec that is named on the command line, for the process that started this."""
    parent = read_process(os.getppid())
    if parent is not None:
        guard(GuardianSpec.from_json(Path(sys.argv[1]).read_text()).pinned(), parent.identity)


if __name__ == "__main__":
    main()
