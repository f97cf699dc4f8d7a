"""Lock ports machine-wide, so that no two runs get the same one, whatever their user and home.

A server binds its port half a minute after the port was assigned; until then the port looks free. So a run
holds a Unix socket bound to an abstract name (unix(7)). These names belong to the network namespace, as ports
do: they need no file or permission, are the same for every user, and are freed by the kernel when the process
ends.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = "\0bisect-run/port/{}"


class HeldPorts:
    """Free ports, locked until `close` or the end of this process."""

    def __init__(self) -> None:
        self.numbers: tuple[int, ...] = ()
        self._held = ExitStack()

    def take(self, port: int) -> bool:
        """Lock a port; returns False if another run holds it or a process listens on it."""
        holder = _hold(port)
        if holder is None:
            return False
        # Checked last: the check itself briefly takes the port from the server it is held for.
        if not is_free(port):
            holder.close()
            return False
        self._held.enter_context(holder)
        self.numbers = (*self.numbers, port)
        return True

    def close(self) -> None:
        """Release the ports."""
        self._held.close()
        self.numbers = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def hold_free(count: int, start: int, stop: int) -> HeldPorts:
    """Hold the first `count` free ports in `[start, stop)`.

    Raises EnvironmentFailed if there are fewer; none is held then.
    """
    held = HeldPorts()
    for port in range(start, stop):
        if len(held.numbers) == count:
            break
        held.take(port)
    found = len(held.numbers)
    if found < count:
        held.close()
        raise EnvironmentFailed(
            f"only {found} of the {count} required ports are free in {start}-{stop - 1}",
            "Stop other runs, or programs that listen on these ports.",
        )
    return held


def hold_all(ports: Iterable[int]) -> HeldPorts:
    """Hold exactly these ports; raises EnvironmentFailed, with none held, if one of them is taken."""
    held = HeldPorts()
    for port in ports:
        if not held.take(port):
            held.close()
            raise EnvironmentFailed(f"port {port}, which the engine must bind, is held by another process")
    return held


def _hold(port: int) -> socket.socket | None:
    """Bind a socket to the port's name; None if another process has it."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(_NAME.format(port))
    except OSError as error:
        holder.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise EnvironmentFailed(
            f"cannot lock port {port}: {error}", "Check that this machine allows abstract Unix sockets."
        ) from error
    return holder
