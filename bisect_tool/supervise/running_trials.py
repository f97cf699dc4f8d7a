"""The trials of a fork server, and the end of what their killed keepers leave."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bisect_tool.supervise.process_set import sweep
from bisect_tool.supervise.processes import below, table

if TYPE_CHECKING:
    from bisect_tool.supervise.processes import Process


class RunningTrials:
    """The socket of each trial, by its keeper's pid; as a set of processes, what killed keepers have left.

    A keeper leads a session, in which only its guardian is; no other process can enter it (setsid(2)).
    """

    def __init__(self) -> None:
        self._lines: dict[int, int] = {}
        self._running: set[int] = set()
        self._abandoned: list[Process] = []

    def add(self, keeper: int, line: int) -> None:
        """Hold the socket of a new trial."""
        self._lines[keeper] = line

    def close(self) -> None:
        """Close the sockets, in a process that inherited them."""
        for line in self._lines.values():
            os.close(line)

    def reap(self) -> None:
        """Close the sockets of ended trials, after killing what is left of them."""
        ended = reaped()
        done = {keeper for keeper in self._lines.keys() & ended.keys() if ended[keeper] == 0}
        if ended.keys() - done:
            now = time.monotonic()
            sweep(self, lambda: now, time.sleep)
            done |= self._lines.keys() - self._running
        for keeper in done:
            os.close(self._lines.pop(keeper))

    def alive(self) -> list[Process]:
        """Return what the last poll found."""
        return self._abandoned

    def empty(self) -> bool:
        """Whether every child is a keeper, or the guardian of a killed one."""
        processes = table()
        children = [each for each in processes.values() if each.ppid == os.getpid() and not each.dead]
        keepers = {child.pid: self._keeper_of(child.pid) for child in children}
        self._running = {keeper for keeper in keepers.values() if keeper is not None}
        fallen = [child for child in children if keepers[child.pid] is None]
        self._abandoned = [*fallen, *below([child.pid for child in fallen], processes)]
        return not fallen

    def _keeper_of(self, child: int) -> int | None:
        if child in self._lines:  # it may not lead its session yet
            return child
        with suppress(ProcessLookupError):  # it has ended
            if (session := os.getsid(child)) in self._lines:
                return session
        return None


def reaped() -> dict[int, int]:
    """Reap all ended children; returns the status of each."""
    ended = {}
    with suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = child[1]
    return ended
