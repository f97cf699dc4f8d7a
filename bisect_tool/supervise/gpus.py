"""What the NVIDIA driver says about GPU memory and who holds it."""

from __future__ import annotations

import os
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


def visible() -> tuple[str, ...]:
    """The GPUs this process may use, as CUDA_VISIBLE_DEVICES names them; where that is set, it decides."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(str(gpu.index) for gpu in snapshot())
    return tuple(name.strip() for name in named.split(",") if name.strip())


def share(slot: int, need: int) -> tuple[str, ...]:
    """The `need` visible GPUs of one slot; no two slots have one in common."""
    return visible()[slot * need : (slot + 1) * need] if need else ()


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
