"""Limit an expensive poll to a small share of one core."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Throttle:
    """The next poll is due after `every` seconds, or after `rest` times the duration of the last one."""

    def __init__(self, every: float, rest: float = 20.0) -> None:
        self._every = every
        self._rest = rest
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time to poll again."""
        return time.monotonic() >= self._next

    @contextmanager
    def poll(self) -> Iterator[None]:
        """Measure a poll, and delay the next one accordingly."""
        began = time.monotonic()
        yield
        now = time.monotonic()
        self._next = now + max(self._every, self._rest * (now - began))
