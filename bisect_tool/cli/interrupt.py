"""Signals while a trial runs: end it in order, so that nothing is left and the session can be resumed."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType

from bisect_tool.errors import ExitCode
from bisect_tool.terminal.output import is_interactive

_log = logging.getLogger("bisect_run.cli")


@dataclass(frozen=True)
class Interrupt:
    """What came in so far; `cancel` is set with the first signal."""

    cancel: threading.Event = field(default_factory=threading.Event)
    received: list[signal.Signals] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """130 for Ctrl-C, 143 for the others, as shells have it."""
        return ExitCode.INTERRUPTED if signal.SIGINT in self.received else ExitCode.TERMINATED

    @property
    def can_ask(self) -> bool:
        """Whether Ctrl-C was pressed at a terminal, where questions can be answered."""
        return self.received == [signal.SIGINT] and is_interactive()


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """The first SIGINT, SIGTERM or SIGHUP ends the running trial in order; another SIGINT ends us at once.

    A SIGHUP that is ignored when we begin stays ignored: under `nohup` a run outlives its terminal.
    """
    interrupt = Interrupt()
    times: list[datetime] = []

    def handle(number: int, _: FrameType | None) -> None:
        if interrupt.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        times.append(datetime.now(UTC))
        interrupt.received.append(signal.Signals(number))
        interrupt.cancel.set()

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    watched = (signal.SIGINT, signal.SIGTERM) if nohup else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in watched}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # Not where a signal is handled: it may come while a record is being written.
        for received, time in zip(interrupt.received, times, strict=True):
            _log.warning("%s at %s", received.name, time.isoformat(timespec="milliseconds"))
