"""TCP ports: which are free, and who listens."""

from __future__ import annotations

import socket

import psutil


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now, on any address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError:
            return False
    return True


def find_free(count: int, start: int, stop: int) -> list[int]:
    """The first `count` free ports in `start <= port < stop`, fewer where there are fewer."""
    found: list[int] = []
    for port in range(start, stop):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    return found


def listeners(port: int) -> set[int]:
    """Process ids of those who listen on the port; 0 stands for one that may not be seen."""
    return {
        connection.pid or 0
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
