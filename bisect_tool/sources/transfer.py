"""End transfers that take too long, or make too little progress.

A timeout of `requests` begins anew with each byte, also inside a header or a chunk: a server that sends one
byte a second would be waited for until its answer is complete.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16
"""What has to arrive in each `STALL_S`: 64 KiB."""
STALL_S = 90.0
"""Longer than the timeouts of `requests`, which tell a server that is silent."""
DEADLINE_S = 1800.0
_Result = TypeVar("_Result")


class TooSlow(requests.ReadTimeout):
    """A transfer was given up; the text says how slow it was."""


def transfer(work: Callable[[Callable[[int], None]], _Result]) -> _Result:
    """Run `work`, which calls its argument with the number of bytes of each part that arrived.

    It runs in a thread of its own, which is left behind if it is too slow: nothing else ends a read that is
    under way in every case.

    Raises:
        TooSlow: nothing was announced for `STALL_S`, or it is not complete after `DEADLINE_S`.
    """
    arrivals: SimpleQueue[int | None] = SimpleQueue()
    result: Future[_Result] = Future()
    Thread(target=_run, args=(work, arrivals, result), name="transfer", daemon=True).start()
    began = time.monotonic()
    total = 0
    while (number := _next(arrivals, began, total)) is not None:
        total += number
    return result.result()


def _run(
    work: Callable[[Callable[[int], None]], _Result],
    arrivals: SimpleQueue[int | None],
    result: Future[_Result],
) -> None:
    try:
        result.set_result(work(arrivals.put))
    except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
        result.set_exception(error)
    arrivals.put(None)


def _next(arrivals: SimpleQueue[int | None], began: float, total: int) -> int | None:
    """The size of the next part that arrives; None for the end."""
    left = DEADLINE_S - (time.monotonic() - began)
    try:
        return arrivals.get(timeout=max(min(STALL_S, left), 0))
    except Empty:
        if left <= STALL_S:
            raise TooSlow(f"not complete after {DEADLINE_S:.0f} s, with {total >> 10} KiB") from None
        raise TooSlow(f"less than {CHUNK >> 10} KiB in {STALL_S:.0f} s, after {total >> 10} KiB") from None
