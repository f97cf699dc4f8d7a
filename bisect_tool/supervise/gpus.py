"""What the NVIDIA driver says about GPU memory and who holds it."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pynvml

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

MIB = 1 << 20
TOLERANCE = 64 * MIB
"""The driver's own books move by a few MiB; a CUDA context alone takes hundreds on GPUs that serve models."""

RELEASE_S = 5.0
"""As long as a killed process may take to end: the driver may still be taking back its gigabytes."""

_POLL_S = 0.1
_log = logging.getLogger("bisect_run.supervise")


@dataclass(frozen=True)
class GpuMemory:
    """One GPU: bytes in all and in use, and the bytes each process holds as `(pid, bytes)`.

    The driver reports pids of the host: inside a container they may mean nothing.
    """

    index: int
    uuid: str
    total: int
    used: int
    processes: tuple[tuple[int, int], ...]


def visible() -> tuple[str, ...]:
    """The GPUs this process may use, as CUDA_VISIBLE_DEVICES names them; where that is set, it decides."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(str(gpu.index) for gpu in snapshot())
    return tuple(name.strip() for name in named.split(",") if name.strip())


def share(slot: int, need: int) -> tuple[str, ...]:
    """The `need` visible GPUs of one slot; no two slots have one in common."""
    return visible()[slot * need : (slot + 1) * need] if need else ()


def in_use(names: Sequence[str]) -> dict[int, int]:
    """Return the bytes in use on each named GPU, by index; empty without names or a driver.

    A name is an index or a UUID, which may be cut short, as in CUDA_VISIBLE_DEVICES.
    """
    if not names:
        return {}
    try:
        return {gpu.index: gpu.used for gpu in snapshot() if any(_is_called(gpu, name) for name in names)}
    except pynvml.NVMLError as error:  # such as a GPU that fell off the bus
        _log.info("the memory of GPUs %s is not known: %s", ", ".join(names), error)
        return {}


def not_released(before: Mapping[int, int], cancel: threading.Event) -> dict[int, int]:
    """Return the bytes in use on each GPU above those `before`, by index, if over TOLERANCE.

    Waits for the driver at most RELEASE_S, and not once `cancel` is set. Owners are not determined: inside
    a container the driver's pids mean nothing.
    """
    ends = time.monotonic() + RELEASE_S
    names = [str(index) for index in before]
    while True:
        above = {index: used - before[index] for index, used in in_use(names).items()}
        left = {index: more for index, more in above.items() if more > TOLERANCE}
        if not left or time.monotonic() >= ends or cancel.wait(_POLL_S):
            return left


def _is_called(gpu: GpuMemory, name: str) -> bool:
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def snapshot() -> tuple[GpuMemory, ...]:
    """Return every GPU of this machine; empty without an NVIDIA driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        _log.debug("no GPUs: %s", error)
        return ()
    try:
        return tuple(_memory(index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def cuda_version() -> tuple[int, int] | None:
    """The newest version of CUDA that the driver supports; None without an NVIDIA driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no NVIDIA driver
        return None
    try:
        number = pynvml.nvmlSystemGetCudaDriverVersion_v2()
    except pynvml.NVMLError as error:
        _log.info("the CUDA version of the driver is not known: %s", error)
        return None
    finally:
        pynvml.nvmlShutdown()
    return number // 1000, number % 1000 // 10


def _memory(index: int) -> GpuMemory:
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(device)
    processes: tuple[tuple[int, int], ...] = ()
    with suppress(pynvml.NVMLError):  # not every driver reports it
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(device)
        processes = tuple((process.pid, process.usedGpuMemory or 0) for process in running)
    return GpuMemory(index, pynvml.nvmlDeviceGetUUID(device), memory.total, memory.used, processes)
