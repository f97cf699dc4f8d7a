"""Connections between the suite and the other nodes of its trial: both ends prove that they have the key.

As `multiprocessing.connection.Client` and `Listener`, but with a deadline: an idle peer would block them.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import contextmanager
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.launch import HostAddress

CONNECT_S = 60
ACCEPT_S = 5
_NO_LIMIT = 0


def connect(host: HostAddress, key: bytes) -> Connection:
    """Connect to the program of a node; a later message must not pause for `CONNECT_S` either.

    Raises:
        AuthenticationError: it has another key.
        OSError, EOFError: it cannot be reached, or does not answer.
    """
    with socket.create_connection((host.address, host.port), CONNECT_S) as peer:
        peer.setblocking(True)
        with _authenticating(peer, CONNECT_S) as connection:
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
        return connection


def accept(listener: socket.socket, key: bytes) -> Connection:
    """Wait for a connection, and return it; raises as `connect` does, after `ACCEPT_S` without an answer."""
    peer, _ = listener.accept()
    with peer:
        with _authenticating(peer, ACCEPT_S) as connection:
            deliver_challenge(connection, key)
            answer_challenge(connection, key)
        _limit(peer, _NO_LIMIT)
        return connection


@contextmanager
def _authenticating(peer: socket.socket, seconds: int) -> Iterator[Connection]:
    """Yield a connection by this socket; it is closed on an error."""
    _limit(peer, seconds)
    connection = Connection(os.dup(peer.fileno()))
    try:
        yield connection
    except BaseException as error:
        connection.close()
        if isinstance(error, BlockingIOError):
            raise TimeoutError(f"no answer for {seconds} s") from error
        raise


def _limit(peer: socket.socket, seconds: int) -> None:
    """Let a read or write of this socket fail after a pause of as many seconds (socket(7))."""
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        peer.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", seconds, 0))
