"""List the listening TCP sockets of this network namespace."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

from bisect_tool.supervise.processes import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

# sock_diag(7), netlink(7), and <linux/inet_diag.h>
_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_LISTEN = 10
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_SOCKET = struct.Struct("=4x2s62xI")
"""Of a message, its header left out: the port, in the network's order, and the inode."""
_ANSWER_S = 5.0
_BUFFER = 1 << 16


def listening() -> dict[int, int]:
    """Return the port of every listening TCP socket, by socket inode."""
    try:
        return _asked()
    except OSError:  # a kernel or a sandbox without sock_diag
        return _read()


def _asked() -> dict[int, int]:
    """Ask the kernel for the listeners alone. Raises OSError if it does not answer."""
    found: dict[int, int] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as link:
        link.settimeout(_ANSWER_S)
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << _LISTEN)
            size = _HEADER.size + len(request)
            link.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 0, 0) + request)
            for message in _messages(link):
                port, inode = _SOCKET.unpack_from(message)
                found[inode] = int.from_bytes(port, "big")
    return found


def _messages(link: socket.socket) -> Iterator[bytes]:
    """Yield the messages of one answer, without their headers."""
    while True:
        answer = link.recv(_BUFFER)
        while answer:
            size, kind, *_ = _HEADER.unpack_from(answer)
            message, answer = answer[_HEADER.size : size], answer[(size + 3) & ~3 :]
            if kind == _DONE:
                return
            if kind == _ERROR:
                code = -struct.unpack_from("=i", message)[0] or errno.EPROTO
                raise OSError(code, os.strerror(code))
            yield message


def _read() -> dict[int, int]:
    """Read proc_net_tcp(5), which takes milliseconds: the kernel walks a table of all connections."""
    found: dict[int, int] = {}
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read_bytes(path).splitlines()[1:]:
            fields = line.split()
            if int(fields[3], 16) == _LISTEN:
                found[int(fields[9])] = int(fields[1].rpartition(b":")[2], 16)
    return found
