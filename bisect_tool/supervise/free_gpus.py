"""Wait until GPUs are free, and name the processes that hold busy ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.supervise import gpus
from bisect_tool.supervise.processes import describe, read_process

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from bisect_tool.supervise.gpu_memory import GpuMemory

FREE_S = 60.0
"""How long a trial waits: a killed process needs seconds to free gigabytes, and another program may end."""

_GIB = 1 << 30
_IDLE_BYTES, _IDLE_SHARE = _GIB, 0.05
"""Memory that a display, a monitor or the driver may use on a free GPU."""

_POLL_S = 0.5
_HOST_PIDS = 4026531836  # the inode of the first pid namespace (PROC_PID_INIT_INO in Linux' proc_ns.h)


def is_free(gpu: GpuMemory) -> bool:
    """Whether almost none of its memory is in use."""
    return gpu.used <= max(_IDLE_BYTES, _IDLE_SHARE * gpu.total)


def busy_gpus(names: Sequence[str]) -> tuple[GpuMemory, ...]:
    """Return the named GPUs that are not free now; none if the driver does not answer."""
    return tuple(gpu for gpu in gpus.named(names) if not is_free(gpu))


def wait_until_free(
    names: Sequence[str], cancel: threading.Event, on_wait: Callable[[str], None]
) -> tuple[GpuMemory, ...]:
    """Return the GPUs that were still busy after FREE_S, or when `cancel` was set; empty if all are free.

    `on_wait` is called with a sentence about the busy ones.
    """
    ends = time.monotonic() + FREE_S
    busy = busy_gpus(names)
    if busy:
        on_wait(f"waiting for memory: {describe_busy(busy)}")
    while busy and time.monotonic() < ends and not cancel.wait(_POLL_S):
        busy = busy_gpus(names)
    return busy


def describe_busy(busy: Sequence[GpuMemory]) -> str:
    """Describe the memory in use on each GPU, and the processes if their pids are valid here."""
    return "; ".join(f"{gpu.used / _GIB:.1f} GiB of GPU {gpu.name} are in use{_holders(gpu)}" for gpu in busy)


def _holders(gpu: GpuMemory) -> str:
    if not gpu.processes or not _sees_host_pids():
        return ""
    return f" by {', '.join(_holder(pid) for pid, _ in gpu.processes)}"


def _holder(pid: int) -> str:
    process = read_process(pid)
    return f"{clean_line(process.name)} ({describe(pid)})" if process else describe(pid)


def _sees_host_pids() -> bool:
    """Whether this is the host's pid namespace, which the driver's pids refer to."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino == _HOST_PIDS
    except OSError:  # /proc is not mounted or hidden
        return False
