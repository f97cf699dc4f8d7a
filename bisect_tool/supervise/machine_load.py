"""Measure how busy the machine is with other work, which makes tests miss deadlines."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.supervise.processes import below, cpu_seconds_with_ended, read_bytes, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PRESSURE = ("/proc/pressure/{}", "/sys/fs/cgroup/{}.pressure")
"""Pressure stall information (PSI) of the machine, and of the container."""
STAT, LOADAVG, QUOTA = "/proc/stat", "/proc/loadavg", "/sys/fs/cgroup/cpu.max"
VMSTAT = "/proc/vmstat"
RESOURCES = ("cpu", "memory", "io")

BUSY_CPU, BUSY_MEMORY = 0.25, 0.1
"""Shares of the time in which some process waited; from these on, deadlines may be missed."""
BUSY_OTHERS = 0.25
"""Share of the CPUs used by other work; below it, the pressure is the program's own."""
IDLE_CPUS = 0.05
"""A program that uses less was not slowed by other work: it slept, or waited for an event."""
BUSY_LOAD = 1.5
"""The load average per CPU, for kernels without PSI."""

WATCH_S = 5.0

_TOTAL = re.compile(rb"some avg10=([\d.]+) .*total=(\d+)")
_OOM_KILLS = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """How busy a machine was for a while.

    Attributes:
        cpus: CPUs that may be used here.
        load_before: the load average over one minute at the start (proc_loadavg(5)).
        load_after: the same at the end.
        others: CPUs used by other programs, on average; None if unknown.
        own: CPUs used by the program, on average; None if unknown.
        oom_kills: processes of the machine that the kernel killed because memory ran out.
        cpu: the share of the time in which some process waited for a CPU, between 0 and 1; None if the kernel
            does not report it.
        memory: the same for memory.
        io: the same for disks.
    """

    cpus: float
    load_before: float
    load_after: float
    others: float | None = None
    cpu: float | None = None
    memory: float | None = None
    io: float | None = None
    own: float | None = None
    oom_kills: int = 0

    @property
    def busy(self) -> str:
        """The measure that shows other work, such as `CPU pressure 60%`; empty if none does."""
        if self.memory is not None and self.memory >= BUSY_MEMORY:
            return f"memory pressure {_percent(self.memory)}"
        if self.others is not None and self.others < BUSY_OTHERS * self.cpus:
            return ""
        if self.cpu is not None:
            return f"CPU pressure {_percent(self.cpu)}" if self.cpu >= BUSY_CPU else ""
        load = max(self.load_before, self.load_after)
        return f"load {load:.1f} on {self.cpus:g} CPUs" if load >= BUSY_LOAD * self.cpus else ""

    @property
    def slowing(self) -> str:
        """As `busy`, but empty if the program hardly used a CPU and so cannot have been slowed."""
        idle = self.own is not None and self.own < IDLE_CPUS and (self.memory or 0.0) < BUSY_MEMORY
        return "" if idle else self.busy

    def __str__(self) -> str:
        parts = [] if self.cpu is None else [f"CPU pressure {_percent(self.cpu)}"]
        return ", ".join((*parts, f"load {self.load_after:.1f} on {self.cpus:g} CPUs"))


class LoadMeter:
    """Measures the load from its creation on; `own` returns the CPU seconds of our own program."""

    def __init__(self, own: Callable[[], float]) -> None:
        self._own = own
        self._start = _Sample.take(own())

    def read(self) -> Load:
        """Return the load since the meter was created."""
        start, now = self._start, _Sample.take(self._own())
        seconds = max(now.time - start.time, 1e-3)
        own = (now.own - start.own) / seconds
        others = max((now.busy - start.busy) / seconds - own, 0.0) if now.busy else None
        cpu, memory, io = (_share(name, start, now, seconds) for name in RESOURCES)
        kills = now.oom_kills - start.oom_kills
        return Load(_cpus(), start.load, now.load, others, cpu, memory, io, own, kills)


def current_load() -> Load:
    """Return the load of the machine in the last ten seconds, including our own."""
    load = _load()
    cpu, memory, io = map(_recent, RESOURCES)
    return Load(_cpus(), load, load, cpu=cpu, memory=memory, io=io)


class BusyWatch:
    """Watches whether the machine is busy with work other than this process and its children."""

    def __init__(self) -> None:
        self._meter = LoadMeter(_own_seconds)
        self._busy = current_load().busy
        self._next = time.monotonic() + WATCH_S

    def __call__(self) -> str:
        """Return the measure over the last seconds, with its value; empty if not busy."""
        if time.monotonic() >= self._next:
            self._busy = self._meter.read().busy
            self._meter = LoadMeter(_own_seconds)
            self._next = time.monotonic() + WATCH_S
        return self._busy


@dataclass(frozen=True)
class _Sample:
    """Kernel counters, in seconds; pressure by file."""

    time: float
    load: float
    busy: float
    own: float
    stalled: Mapping[str, float]
    oom_kills: int

    @staticmethod
    def take(own: float) -> _Sample:
        paths = [path.format(name) for name in RESOURCES for path in PRESSURE]
        found = {path: match for path in paths if (match := _TOTAL.search(read_bytes(path)))}
        stalled = {path: int(match[2]) / 1e6 for path, match in found.items()}
        return _Sample(time.monotonic(), _load(), _busy(), own, stalled, _oom_kills())


def _share(name: str, start: _Sample, now: _Sample, seconds: float) -> float | None:
    paths = [path for path in (each.format(name) for each in PRESSURE) if path in start.stalled]
    shares = [(now.stalled.get(path, start.stalled[path]) - start.stalled[path]) / seconds for path in paths]
    return min(max(shares), 1.0) if shares else None


def _recent(name: str) -> float | None:
    found = [_TOTAL.search(read_bytes(path.format(name))) for path in PRESSURE]
    return max((float(match[1]) / 100 for match in found if match), default=None)


def _busy() -> float:
    """Return the CPU seconds of all processes of the machine, without idle and I/O wait."""
    fields = [int(field) for field in read_bytes(STAT).partition(b"\n")[0].split()[1:9]]
    return (sum(fields) - sum(fields[3:5])) / _TICKS


def _oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory, in whatever container."""
    found = _OOM_KILLS.search(read_bytes(VMSTAT))
    return int(found[1]) if found else 0


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _own_seconds() -> float:
    """Return the CPU seconds of this process and its descendants, running or ended."""
    own = os.getpid()
    return sum(map(cpu_seconds_with_ended, (own, *(process.pid for process in below([own], table())))))


def _load() -> float:
    return float((read_bytes(LOADAVG).split() or [b"0"])[0])


def _cpus() -> float:
    """Return the CPUs that this process may use, limited by its container."""
    count = float(len(os.sched_getaffinity(0)))
    quota, _, period = read_bytes(QUOTA).partition(b" ")
    return min(count, int(quota) / int(period)) if quota.isdigit() else count
