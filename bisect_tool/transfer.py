"""Abort transfers that take too long or make too little progress.

The read timeout of `requests` restarts with each byte, also inside a header or a chunk: it never aborts an
answer of one byte a second.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16
"""Bytes that must arrive in each `STALL_S`: 64 KiB."""
STALL_S = 90.0
"""Longer than the timeouts of `requests`, so that their errors name a server that sends nothing."""
DEADLINE_S = 1800.0
_TURN_S = 1.0
_Result = TypeVar("_Result")
Arrived: TypeAlias = "Callable[[int], None]"
"""Called with the number of bytes of each chunk received. Raises TooSlow if the transfer was aborted."""


class TooSlow(requests.ReadTimeout):
    """A transfer was aborted; the message says how slow it was."""


def transfer(
    work: Callable[[Arrived], _Result],
    check: Callable[[], None] | None = None,
    deadline_s: float | None = None,
) -> _Result:
    """Run `work`, which announces each chunk before it uses it.

    It runs in a thread, which is abandoned if it is too slow: a blocked read cannot be interrupted reliably.

    Args:
        work: the transfer.
        check: called repeatedly meanwhile; an exception that it raises aborts the transfer.
        deadline_s: how long it may take, in seconds; `DEADLINE_S` by default.

    Raises:
        TooSlow: nothing was announced for `STALL_S`, or it is not complete at its deadline.
    """
    running = _Running(DEADLINE_S if deadline_s is None else deadline_s, check)
    result: Future[_Result] = Future()
    Thread(target=_run, args=(work, running, result), name="transfer", daemon=True).start()
    try:
        running.await_end()
    except BaseException:
        running.given_up.set()
        raise
    return result.result()


@dataclass
class _Running:
    """A running transfer."""

    deadline_s: float
    check: Callable[[], None] | None
    arrivals: SimpleQueue[int | None] = field(default_factory=SimpleQueue)
    given_up: Event = field(default_factory=Event)
    began: float = field(default_factory=time.monotonic)
    total: int = 0

    def announce(self, number: int) -> None:
        """Tell the waiting thread the number of bytes received."""
        if self.given_up.is_set():
            raise TooSlow("it was given up")
        self.arrivals.put(number)

    def await_end(self) -> None:
        """Wait while it makes progress."""
        while (number := self._next()) is not None:
            self.total += number

    def _next(self) -> int | None:
        """Return the size of the next chunk; None at the end."""
        ends, stalls = self.began + self.deadline_s, time.monotonic() + STALL_S
        while True:
            if self.check is not None:
                self.check()
            left = min(ends, stalls) - time.monotonic()
            try:
                return self.arrivals.get(timeout=max(min(left, _TURN_S), 0))
            except Empty:
                if left > _TURN_S:
                    continue
            if ends <= stalls:
                raise TooSlow(f"not complete after {self.deadline_s:.0f} s, with {self.total >> 10} KiB")
            raise TooSlow(f"less than {CHUNK >> 10} KiB in {STALL_S:.0f} s, after {self.total >> 10} KiB")


def _run(work: Callable[[Arrived], _Result], running: _Running, result: Future[_Result]) -> None:
    try:
        result.set_result(work(running.announce))
    except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
        result.set_exception(error)
    running.arrivals.put(None)
