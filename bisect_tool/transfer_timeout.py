"""Abort transfers that take too long or make too little progress.

The read timeout of `requests` restarts with each byte, even inside a header or a chunk, so it never aborts a
response that arrives at one byte per second.
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
"""Longer than the timeouts of `requests`, which have a clearer message for a server that sends nothing."""
DEADLINE_S = 1800.0
_POLL_S = 1.0
_Result = TypeVar("_Result")
OnChunk: TypeAlias = "Callable[[int], None]"
"""Called with the number of bytes of each chunk received. Raises TooSlow if the transfer was aborted."""


class TooSlow(requests.ReadTimeout):
    """A transfer was aborted; the message says how slow it was."""


def transfer(
    work: Callable[[OnChunk], _Result],
    check: Callable[[], None] | None = None,
    deadline_s: float | None = None,
) -> _Result:
    """Run `work` in a thread; it reports each chunk before it uses it.

    The thread is abandoned if the transfer is too slow: a blocked read cannot be interrupted reliably.

    Args:
        work: the transfer.
        check: called repeatedly meanwhile; an exception that it raises aborts the transfer.
        deadline_s: the time limit in seconds; `DEADLINE_S` by default.

    Raises:
        TooSlow: no chunk arrived for `STALL_S` seconds, or the transfer was not complete at its deadline.
    """
    running = _Running(DEADLINE_S if deadline_s is None else deadline_s, check)
    result: Future[_Result] = Future()
    Thread(target=_run, args=(work, running, result), name="transfer", daemon=True).start()
    try:
        running.await_end()
    except BaseException:
        running.aborted.set()
        raise
    return result.result()


@dataclass
class _Running:
    """A running transfer."""

    deadline_s: float
    check: Callable[[], None] | None
    chunks: SimpleQueue[int | None] = field(default_factory=SimpleQueue)
    aborted: Event = field(default_factory=Event)
    started: float = field(default_factory=time.monotonic)
    total: int = 0

    def announce(self, number: int) -> None:
        """Tell the waiting thread the number of bytes received."""
        if self.aborted.is_set():
            raise TooSlow("the transfer was aborted")
        self.chunks.put(number)

    def await_end(self) -> None:
        """Wait until the transfer ends; raises TooSlow if it makes too little progress."""
        while (number := self._next()) is not None:
            self.total += number

    def _next(self) -> int | None:
        """Return the size of the next chunk; None at the end."""
        ends, stalls = self.started + self.deadline_s, time.monotonic() + STALL_S
        while True:
            if self.check is not None:
                self.check()
            left = min(ends, stalls) - time.monotonic()
            try:
                return self.chunks.get(timeout=max(min(left, _POLL_S), 0))
            except Empty:
                if left > _POLL_S:
                    continue
            if ends <= stalls:
                raise TooSlow(f"not complete after {self.deadline_s:.0f} s, with {self.total >> 10} KiB")
            raise TooSlow(f"less than {CHUNK >> 10} KiB in {STALL_S:.0f} s, after {self.total >> 10} KiB")


def _run(work: Callable[[OnChunk], _Result], running: _Running, result: Future[_Result]) -> None:
    try:
        result.set_result(work(running.announce))
    except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
        result.set_exception(error)
    running.chunks.put(None)
