"""Find free TCP ports, and the listeners on others."""

from __future__ import annotations

import errno
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING

from bisect_tool.supervise.guardian_protocol import ProcessInfo
from bisect_tool.supervise.listening_sockets import listening
from bisect_tool.supervise.processes import (
    Process,
    below,
    descendants,
    open_files,
    read_process,
    table,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["PortWatch", "descendants", "foreign_listener", "is_free", "listeners", "share"]

FIRST, LAST = 8000, 8999
"""The port range of engines under test."""

_LOOKS = 20
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def share(slot: int, slots: int) -> range:
    """Return the ports of one slot; no two slots share one."""
    width = (LAST + 1 - FIRST) // slots
    return range(FIRST + slot * width, FIRST + (slot + 1) * width)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port on every address, IPv4 and IPv6."""
    families = [(socket.AF_INET, "0.0.0.0")]  # noqa: S104 - bound for an instant, as a probe
    if socket.has_ipv6:
        families.append((socket.AF_INET6, "::"))
    return all(_can_listen(family, address, port) for family, address in families)


def listeners(port: int) -> set[int]:
    """Return the pids with a listening socket on this port, as far as this user may see them."""
    return {pid for holders in _holders(_sockets(port), table()).values() for pid in holders}


def foreign_listener(port: int, root_pid: int) -> ProcessInfo | None:
    """Return a process that listens on this port and is neither `root_pid` nor below it, or None.

    Several sockets can share a port (SO_REUSEPORT): each must belong to the tree. A listener of another user,
    whose descriptors cannot be read, has pid 0 in the result.
    """
    processes = table()
    own = {root_pid, *(process.pid for process in below([root_pid], processes))}
    for holders in _holders(_sockets(port), processes).values():
        if not holders & own:
            return _info(min(holders, default=0))
    return None


class PortWatch:
    """The ports a process tree listens on, identified by their sockets."""

    def __init__(self) -> None:
        self._before = set(listening())
        self._own: dict[int, int] = {}
        self._looks: Counter[int] = Counter()

    def poll(self, processes: Sequence[Process]) -> None:
        """Find the owners of new sockets among these processes."""
        if not processes:
            return
        now = listening()
        # A socket without owner may belong to a process newer than this list: retry a few times.
        new = {inode for inode in now.keys() - self._before - self._own.keys() if self._looks[inode] < _LOOKS}
        self._looks.update(new)
        owners = _holders(new, [process.pid for process in processes])
        self._own.update({inode: now[inode] for inode, holders in owners.items() if holders})

    def ports_of(self, pid: int) -> tuple[int, ...]:
        """Return the ports that one process of the tree listens on now."""
        held = listening()
        inodes = _inodes(pid) & held.keys()
        return tuple(sorted({held[inode] for inode in inodes}))

    def still_bound(self) -> tuple[int, ...]:
        """Return the ports whose socket, opened by the tree, still listens."""
        now = listening() if self._own else {}
        return tuple(sorted({port for inode, port in self._own.items() if now.get(inode) == port}))


def _can_listen(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return family == socket.AF_INET6 and error.errno in _NO_IPV6
    return True


def _sockets(port: int) -> set[int]:
    return {inode for inode, bound in listening().items() if bound == port}


def _holders(inodes: Collection[int], processes: Collection[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {inode: set() for inode in inodes}
    if found:
        for pid in processes:
            for inode in _inodes(pid) & found.keys():
                found[inode].add(pid)
    return found


def _inodes(pid: int) -> set[int]:
    return {int(link[8:-1]) for link in open_files(pid) if link.startswith("socket:[")}


def _info(pid: int) -> ProcessInfo:
    process = read_process(pid) if pid else None
    if process is None:
        return ProcessInfo(pid=0, ppid=0, started=0, title="a process of another user", seen=time.time())
    return ProcessInfo(process.pid, process.ppid, process.started, title(pid), time.time())
