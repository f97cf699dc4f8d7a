"""Exceptions for servers that cannot be tested, each with the outcome that the cell gets; and for requests.

The streamed report reads the attributes `bisect_outcome`, `bisect_logs` and `bisect_window`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ServersFailed(Exception):
    """A server exited, or logged that it cannot start.

    `logs` are the file names of the relevant logs, `window` is (from, to) in epoch seconds.
    """

    bisect_outcome: str | None = None

    def __init__(
        self, message: str, logs: Sequence[str] = (), window: tuple[float, float] | None = None
    ) -> None:
        super().__init__(message)
        self.bisect_logs = tuple(logs)
        self.bisect_window = window


class ServersHung(ServersFailed):
    """A server neither became ready nor failed before its deadline, or did not answer a request."""

    bisect_outcome = "hung"


class ServersBlocked(ServersFailed):
    """The machine, not the engine, prevented the start: a port is in use, a program is missing."""

    bisect_outcome = "infrastructure"


class RequestFailed(Exception):
    """A server answered, but not with 200."""
