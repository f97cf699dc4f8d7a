"""The events of all slots, which threads put and the session loop takes."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.executor.event import Event

_SIGNAL_S = 0.2


class EventQueue:
    """Events in the order in which they were put."""

    def __init__(self) -> None:
        self._events: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        """Add an event, from any thread."""
        self._events.put(event)

    def take(self) -> Event:
        """Wait for the next event, in the main thread."""
        # In turns: Python handles signals in the main thread, but another may receive one (that which just
        # starts a process, or one of Ray's own), and nothing would wake a wait without a timeout.
        while True:
            with suppress(Empty):
                return self._events.get(timeout=_SIGNAL_S)
