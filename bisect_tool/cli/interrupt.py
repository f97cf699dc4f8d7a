"""Handle signals while a trial runs: end it cleanly, so that the session can be resumed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType

from bisect_tool.errors import ExitCode
from bisect_tool.terminal.output import is_interactive

_log = logging.getLogger("bisect_run.cli")
_JOIN_S = 1.0


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
        cancel()

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    watched = (signal.SIGINT, signal.SIGTERM) if nohup else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with _setter(interrupt.cancel) as cancel:
        previous = {number: signal.signal(number, handle) for number in watched}
        try:
            yield interrupt
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            # Logged here and not in the handler, which may interrupt a log record that is being written.
            for received, time in zip(interrupt.received, received_at, strict=True):
                _log.warning("%s at %s", received.name, time.isoformat(timespec="milliseconds"))


@contextmanager
def _setter(event: threading.Event) -> Iterator[Callable[[], None]]:
    """Yield a function with which a signal handler sets an event, in another thread.

    `Event.set` takes a lock, which the interrupted code may hold: it would never return in the handler.
    """
    receiving, sending = os.pipe()

    def set_when_notified() -> None:
        if os.read(receiving, 1):
            event.set()

    def notify() -> None:
        os.write(sending, b"s")

    thread = threading.Thread(target=set_when_notified, name="interrupt", daemon=True)
    thread.start()
    try:
        yield notify
    finally:
        os.close(sending)
        thread.join(_JOIN_S)
        os.close(receiving)
