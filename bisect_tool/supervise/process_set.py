"""End a set of processes: SIGTERM to all at once, a grace period, then SIGKILL until it is empty."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Protocol

from bisect_tool.supervise.processes import Identity, Process, send

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.02
KILL_LIMIT_S = 5.0
"""A process that holds gigabytes on a GPU takes seconds to end."""


class ProcessSet(Protocol):
    """The processes to end; it may grow while it is being ended."""

    def alive(self) -> list[Process]:
        """Return the processes that are visible now."""
        ...

    def empty(self) -> bool:
        """Whether certainly no process is left."""
        ...


def sweep(
    processes: ProcessSet, ends: Callable[[], float], pause: Callable[[float], None]
) -> dict[Identity, str]:
    """End every process of the set; returns the strongest signal sent to each, by name.

    `ends()` is the end of the grace period (monotonic); it may move closer while this runs. `pause`
    waits for that many seconds at most. Gives up `KILL_LIMIT_S` after the grace period: a process alive then
    waits in the kernel, and no signal ends it.
    """
    sent: dict[Identity, str] = {}
    while not processes.empty():
        over = time.monotonic() - ends()
        if over > KILL_LIMIT_S:
            break
        for process in processes.alive():
            if over >= 0:
                _send(process, sent, signal.SIGKILL)
            elif process.identity not in sent:
                # A stopped process acts on SIGTERM once it is continued.
                _send(process, sent, signal.SIGTERM, signal.SIGCONT)
        pause(POLL_S)
    return sent


def _send(process: Process, sent: dict[Identity, str], *signals: signal.Signals) -> None:
    if send(process.identity, *signals):
        sent[process.identity] = signals[0].name
