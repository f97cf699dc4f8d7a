"""Detect that servers are idle after their last request, by the CPU time that they use or wait for."""

from __future__ import annotations

import time
from typing import Protocol

WINDOW_S = 0.5
QUIET_SHARE = 0.25


class Processes(Protocol):
    """Some processes, of one machine or several."""

    def cpu_seconds(self) -> float:
        """The CPU time in seconds that they have used so far."""
        ...

    def waiting_seconds(self) -> float:
        """The seconds that they were runnable but had no CPU."""
        ...


class IdleDetector:
    """Detects that processes are idle, by the CPU time that they use or wait for.

    No endpoint reports it: data-parallel ranks that have answered everything continue with dummy batches
    until all have agreed to pause; a SIGTERM before that breaks their collectives. An engine on a CPU uses
    about 2 cores until then, and a tenth of one when idle. On a busy machine it gets less CPU time while it
    works, so time spent waiting for a CPU counts as well.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._since = time.monotonic()
        self._used, self._waited = processes.cpu_seconds(), processes.waiting_seconds()

    def is_idle(self) -> bool:
        """Whether less than `QUIET_SHARE` of a core was in demand in the last `WINDOW_S`; poll repeatedly."""
        now = time.monotonic()
        if now - self._since < WINDOW_S:
            return False
        used, waited = self._processes.cpu_seconds(), self._processes.waiting_seconds()
        # The waiting time of threads that have ended is no longer counted.
        demand = used - self._used + max(waited - self._waited, 0.0)
        quiet = demand < QUIET_SHARE * (now - self._since)
        self._since, self._used, self._waited = now, used, waited
        return quiet
