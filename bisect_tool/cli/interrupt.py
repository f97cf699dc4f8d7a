"""Handle signals while a trial runs: end it cleanly, so that the session can be resumed."""

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
    """The signals received so far; the first one sets `cancel`."""

    cancel: threading.Event = field(default_factory=threading.Event)
    received: list[signal.Signals] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """130 for Ctrl-C, 143 for other signals, as in shells."""
        return ExitCode.INTERRUPTED if signal.SIGINT in self.received else ExitCode.TERMINATED

    @property
    def can_ask(self) -> bool:
        """Whether Ctrl-C was pressed at a terminal, where questions can be answered."""
        return self.received == [signal.SIGINT] and is_interactive()


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Let the first SIGINT, SIGTERM or SIGHUP end the running trial cleanly, and a later SIGINT exit at once.

    If SIGHUP is ignored at the start, it stays ignored: under `nohup`, a run outlives its terminal.
    """
    interrupt = Interrupt()
    received_at: list[datetime] = []

    def handle(number: int, _: FrameType | None) -> None:
        if interrupt.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received_at.append(datetime.now(UTC))
        interrupt.received.append(signal.Signals(number))
        interrupt.cancel.set()

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    watched = (signal.SIGINT, signal.SIGTERM) if nohup else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, handle) for number in watched}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        # Logged here and not in the handler, which may interrupt a log record that is being written.
        for received, time in zip(interrupt.received, received_at, strict=True):
            _log.warning("%s at %s", received.name, time.isoformat(timespec="milliseconds"))
