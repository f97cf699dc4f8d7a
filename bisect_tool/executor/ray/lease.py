"""End this process where its driver has not been heard of for long: nobody waits for its trial any more.

Ray ends the actors of a driver that is gone; where the network is cut, it cannot.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Lease:
    """Calls `expired` once, when nobody has renewed it for `seconds`."""

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._seconds, self._expired = seconds, expired
        self._renewed = threading.Event()
        threading.Thread(target=self._watch, name="lease", daemon=True).start()

    def renew(self) -> None:
        """The driver is there."""
        self._renewed.set()

    def _watch(self) -> None:
        while self._renewed.wait(self._seconds):
            self._renewed.clear()
        self._expired()
