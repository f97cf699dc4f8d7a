"""The guardian's connection to its caller: a pipe or socket on stdin, and that process itself."""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING

from bisect_tool.supervise.processes import is_alive

if TYPE_CHECKING:
    from bisect_tool.supervise.processes import Identity

ENVIRONMENT_LIMIT_S = 10.0
CANCEL = b"cancel"


class CallerLink:
    """The caller's messages, and when (monotonic) it ended; None while it runs."""

    def __init__(self, identity: Identity) -> None:
        self.cancelled = False
        self.gone_at: float | None = None
        self._identity = identity

    @property
    def descriptors(self) -> list[int]:
        """Return descriptors that are readable when the caller sends something or exits."""
        return [0] if self.gone_at is None else []

    def read_environment(self) -> dict[str, str] | None:
        """Read the first line of the pipe; None if the caller ends before it is complete."""
        ends = time.monotonic() + ENVIRONMENT_LIMIT_S
        received = b""
        while b"\n" not in received:
            ready, _, _ = select.select([0], [], [], max(0.0, ends - time.monotonic()))
            part = os.read(0, 1 << 16) if ready else b""
            if not part:
                self.gone_at = time.monotonic()
                return None
            received += part
        line, _, words = received.partition(b"\n")
        self.cancelled = CANCEL in words
        environment: dict[str, str] = json.loads(line)
        return environment

    def read(self) -> None:
        """Read what the caller has sent; call it when a descriptor is readable."""
        words = os.read(0, 4096)
        if not words:
            self.gone_at = time.monotonic()
        elif CANCEL in words:
            self.cancelled = True

    def poll(self) -> None:
        """Check whether the caller has ended, even if another process still holds its end of the pipe."""
        if self.gone_at is None and not is_alive(self._identity):
            self.gone_at = time.monotonic()
