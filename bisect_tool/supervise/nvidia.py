"""Read the GPUs of the NVIDIA driver through NVML; MIG devices replace the GPU that is split into them."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pynvml

from bisect_tool.supervise.gpu_memory import GpuMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger("bisect_run.supervise")


def devices() -> tuple[GpuMemory, ...]:
    """Return every GPU, in the driver's order; empty without a driver.

    Raises:
        pynvml.NVMLError: a GPU does not answer, such as one that fell off the bus.
    """
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        _log.debug("no NVIDIA GPUs: %s", error)
        return ()
    try:
        return tuple(gpu for index in range(pynvml.nvmlDeviceGetCount()) for gpu in _gpus(index))
    finally:
        pynvml.nvmlShutdown()


def _gpus(index: int) -> Iterator[GpuMemory]:
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    instances = tuple(_mig_devices(device))
    for each in instances or (device,):
        memory = _memory(each)
        uuid = pynvml.nvmlDeviceGetUUID(each)
        yield GpuMemory(index, uuid, memory.total, memory.used, _processes(each))


def _mig_devices(device: Any) -> Iterator[Any]:  # noqa: ANN401 - handles of a library without types
    """Yield the MIG devices of a GPU, if it is split; their numbers may have gaps."""
    with suppress(pynvml.NVMLError):  # drivers before MIG lack the function
        for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(device)):
            with suppress(pynvml.NVMLError):  # no device has this number
                yield pynvml.nvmlDeviceGetMigDeviceHandleByIndex(device, number)


def _memory(device: Any) -> Any:  # noqa: ANN401 - as above
    """Return the device's memory; memory reserved by the driver is not in use, as in nvidia-smi."""
    with suppress(pynvml.NVMLError):  # drivers before 510 know the first version only, which counts it
        return pynvml.nvmlDeviceGetMemoryInfo(device, version=pynvml.nvmlMemory_v2)
    return pynvml.nvmlDeviceGetMemoryInfo(device)


def _processes(device: Any) -> tuple[tuple[int, int], ...]:  # noqa: ANN401 - as above
    with suppress(pynvml.NVMLError):  # not every driver reports it
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(device)
        return tuple((process.pid, process.usedGpuMemory or 0) for process in running)
    return ()


def cuda_version() -> tuple[int, int] | None:
    """Return the newest version of CUDA that the driver supports; None without an NVIDIA driver."""
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
