"""Track the processes of a group of servers: the session of each root process, and all descendants."""

from __future__ import annotations

import os
import signal

from bisect_tool.supervise.guardian_protocol import ProcessInfo
from bisect_tool.supervise.processes import (
    Identity,
    Process,
    below,
    cpu_seconds,
    read_process,
    send,
    table,
    title,
    waiting_seconds,
)


class ProcessTree:
    """The processes of some roots, each of which leads its own session.

    It must be polled while they run: a process that started its own session and whose parent has ended
    counts only if it was seen before.
    """

    def __init__(self) -> None:
        self._roots: set[int] = set()
        self._known: set[Identity] = set()

    def add_root(self, pid: int) -> None:
        """Add a child process that leads its own session."""
        process = read_process(pid)
        if process is not None:
            self._roots.add(pid)
            self._known.add(process.identity)

    def members(self) -> list[Process]:
        """Return the living members without zombies, and remember them."""
        processes = table()
        # A root's pid may have been reused by a foreign process, which then leads that session.
        sessions = {
            pid for pid in self._roots if pid not in processes or processes[pid].identity in self._known
        }
        own = {
            process.pid: process
            for process in processes.values()
            if process.identity in self._known or _session(process.pid) in sessions
        }
        members = [*own.values(), *below(own, processes)]
        self._known.update(process.identity for process in members)
        return [process for process in members if not process.dead]

    def pids(self) -> set[int]:
        """The ids of the living members."""
        return {process.pid for process in self.members()}

    def cpu_seconds(self) -> float:
        """The CPU time in seconds that the living members have used so far."""
        return sum(cpu_seconds(process.pid) for process in self.members())

    def waiting_seconds(self) -> float:
        """Return the seconds that the living members were runnable but had no CPU."""
        return sum(waiting_seconds(process.pid) for process in self.members())

    def roles(self) -> set[str]:
        """Return the roles in the titles of the living members, such as `Worker_DP0`."""
        infos = (
            ProcessInfo(
                process.pid, process.ppid, process.started, title(process.pid), 0.0, name=process.name
            )
            for process in self.members()
        )
        return {info.role for info in infos if info.role}

    def session(self, root: int) -> set[Identity]:
        """The living members of this root's session, orphans included."""
        return {process.identity for process in self.members() if _session(process.pid) == root}

    def terminate(self, root: int) -> None:
        """Send SIGTERM to the living members of this root's session."""
        for identity in self.session(root):
            send(identity, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to every living member."""
        for process in self.members():
            send(process.identity, signal.SIGKILL)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
