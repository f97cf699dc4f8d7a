"""End this process if its driver has not renewed its lease: nobody waits for its trial.

Ray ends the actors of a dead driver, but cannot do so if the network is cut.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Lease:
    """Calls `expired` once, if it was not renewed for `seconds`."""

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._seconds, self._expired = seconds, expired
        self._renewed = threading.Event()
        threading.Thread(target=self._watch, name="lease", daemon=True).start()

    def renew(self) -> None:
        """Renew the lease."""
        self._renewed.set()

    def _watch(self) -> None:
        while self._renewed.wait(self._seconds):
            self._renewed.clear()
        self._expired()
