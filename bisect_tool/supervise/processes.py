"""Read processes from /proc (proc_pid_stat(5)), and signal exactly one of them (pidfd_open(2)).

Read with bare system calls: a guardian looks at hundreds of these files several times a second.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Identity: TypeAlias = tuple[int, int]
"""`(pid, start time in clock ticks since boot)`, unique since boot."""

TITLE_LIMIT = 400
_TICKS = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """One /proc/<pid>/stat; `name` is the kernel's, at most 15 bytes, not cleaned."""

    pid: int
    ppid: int
    started: int
    state: str
    name: str = ""

    @property
    def identity(self) -> Identity:
        """Identity of the process, even if its pid is reused."""
        return self.pid, self.started

    @property
    def dead(self) -> bool:
        """Whether it is a zombie."""
        return self.state in "ZX"


def read_process(pid: int) -> Process | None:
    """Return the process that has this pid now, or None."""
    stat = read_bytes(f"/proc/{pid}/stat")
    if not stat:
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    first, last = stat.index(b"(") + 1, stat.rindex(b")")
    fields = stat[last + 2 :].split()
    name = stat[first:last].decode(errors="replace")
    return Process(pid, int(fields[1]), int(fields[19]), fields[0].decode(), name)


def since_epoch(started: int) -> float:
    """Convert a start time (clock ticks since boot) to epoch seconds, by the current clock."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + started / _TICKS


def started_at(epoch: float) -> int:
    """Return the start time of a process that starts at this time: the inverse of `since_epoch`."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return int((epoch - boot) * _TICKS) - 1  # the clocks are not read at the same moment


def cpu_seconds(pid: int) -> float:
    """Return the user and system CPU time of a process; 0 if it has ended."""
    return sum(_cpu_ticks(pid)[:2]) / _TICKS


def cpu_seconds_with_ended(pid: int) -> float:
    """Return the same, including descendants that have ended and were waited for."""
    return sum(_cpu_ticks(pid)) / _TICKS


def waiting_seconds(pid: int) -> float:
    """Return the time that its threads waited for a CPU; 0 if the kernel does not count it."""
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)  # noqa: PTH208
    except OSError:  # it has ended
        return 0.0
    counts = (read_bytes(f"{folder}/{thread}/schedstat").split() for thread in threads)
    return sum(int(fields[1]) for fields in counts if len(fields) > 1) / 1e9


def _cpu_ticks(pid: int) -> list[int]:
    """Return the user and system ticks of a process, then those of its ended descendants."""
    stat = read_bytes(f"/proc/{pid}/stat")
    return [int(field) for field in stat[stat.rindex(b")") + 2 :].split()[11:15]] if stat else []


def table() -> dict[int, Process]:
    """Return every process of this pid namespace, by pid."""
    names = os.listdir("/proc")  # noqa: PTH208
    found = (read_process(int(name)) for name in names if name.isdigit())
    return {process.pid: process for process in found if process}


def below(roots: Collection[int], processes: Mapping[int, Process]) -> list[Process]:
    """Return the descendants of these pids, without the roots, parents before children."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.ppid, []).append(process)
    found: list[Process] = []
    seen, queue = set(roots), list(roots)
    while queue:
        for child in children.get(queue.pop(0), ()):
            if child.pid not in seen:
                seen.add(child.pid)
                found.append(child)
                queue.append(child.pid)
    return found


def descendants(pid: int) -> set[int]:
    """Return the pids of all descendants of this process."""
    return {process.pid for process in below([pid], table()) if not process.dead}


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process still runs (a zombie does not)."""
    process = read_process(identity[0])
    return process is not None and process.identity == identity and not process.dead


def title(pid: int) -> str:
    """Return the command line, or `[name]` if there is none; not cleaned."""
    words = read_bytes(f"/proc/{pid}/cmdline", TITLE_LIMIT).rstrip(b"\0 ").replace(b"\0", b" ")
    name = words or b"[" + read_bytes(f"/proc/{pid}/comm").strip() + b"]"
    return name.decode(errors="replace")


def describe(pid: int) -> str:
    """Describe a process: `pid 4711, since 17:05:31`; without a time if it has ended."""
    process = read_process(pid)
    if process is None:
        return f"pid {pid}"
    since = time.localtime(since_epoch(process.started))
    return f"pid {pid}, since {time.strftime('%H:%M:%S', since)}"


def environment(pid: int) -> bytes:
    """Return the initial environment of a process; empty if it may not be read."""
    return read_bytes(f"/proc/{pid}/environ")


def open_files(pid: int) -> list[str]:
    """Return the targets of a process's descriptors, such as `socket:[1234]`; empty if unreadable."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:  # it has ended, or is not ours
        return []
    links = []
    for name in names:
        try:
            links.append(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
        except OSError:  # closed in the meantime
            continue
    return links


def send(identity: Identity, *signals: int) -> bool:
    """Send signals to exactly this process; returns False if it is gone, even if its pid was reused.

    The descriptor is opened before the start time is compared: if the pid still belongs to the process then,
    so does the descriptor, which never refers to another process.
    """
    pid = identity[0]
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        return _send_by_pid(identity, signals)
    try:
        if not is_alive(identity):
            return False
        for number in signals:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _send_by_pid(identity: Identity, signals: Collection[int]) -> bool:
    """Send signals by pid, on kernels before 5.3: the identity is checked right before."""
    try:
        for number in signals:
            if not is_alive(identity):
                return False
            os.kill(identity[0], number)
    except ProcessLookupError:
        return False
    return True


def read_bytes(path: str, limit: int = 1 << 30) -> bytes:
    """Read a file of /proc; empty if its process has ended or it is unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # its process has ended, or is not ours
        return b""
    parts = []
    try:
        while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 16))):
            parts.append(part)
            limit -= len(part)
    except OSError:  # its process has ended, or is not ours
        return b""
    finally:
        os.close(descriptor)
    return b"".join(parts)
