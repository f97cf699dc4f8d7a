"""What the NVIDIA driver says about GPU memory and who holds it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pynvml


@dataclass(frozen=True)
class GpuMemory:
    """One GPU: bytes in all and in use, and the bytes each process holds as `(pid, bytes)`.

    The driver reports pids of the host: inside a container they may name nothing.
    """

    index: int
    uuid: str
    total: int
    used: int
    processes: tuple[tuple[int, int], ...]


def snapshot() -> tuple[GpuMemory, ...]:
    """Every GPU of this machine; empty where there is no NVIDIA driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_memory(index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def _memory(index: int) -> GpuMemory:
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(device)
    processes: tuple[tuple[int, int], ...] = ()
    with suppress(pynvml.NVMLError):  # not every driver tells
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(device)
        processes = tuple((process.pid, process.usedGpuMemory or 0) for process in running)
    return GpuMemory(index, pynvml.nvmlDeviceGetUUID(device), memory.total, memory.used, processes)
