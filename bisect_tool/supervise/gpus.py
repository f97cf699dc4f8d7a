"""The GPUs of this machine: which are visible, and how much of their memory is in use."""

from __future__ import annotations

import logging
import os
import time
from itertools import takewhile
from typing import TYPE_CHECKING

import pynvml

from bisect_tool.supervise import amd, nvidia, simulated_gpu
from bisect_tool.supervise.gpu_memory import GpuMemory, is_gpu_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

__all__ = ["GpuMemory", "in_use", "named", "not_released", "snapshot", "visibility", "visible"]

MIB = 1 << 20
TOLERANCE = 64 * MIB
"""The driver's own use varies by a few MiB; a CUDA context takes hundreds on GPUs that serve models."""

RELEASE_S = 5.0
"""Time for the driver to free the memory of a killed process."""

_POLL_S = 0.1
_CUDA, _ROCR, _HIP = "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
VARIABLES = (_CUDA, _ROCR, _HIP)
"""The variables that select the GPUs of a process; the first that is set counts."""
_log = logging.getLogger("bisect_run.supervise")


def snapshot() -> tuple[GpuMemory, ...]:
    """Return every GPU of this machine: NVIDIA's, else AMD's; empty without a driver."""
    return nvidia.devices() or amd.devices()


def visible() -> tuple[str, ...]:
    """The names of the GPUs this process may use; the first variable that is set decides.

    As in CUDA, its first word that names no GPU hides all that follow.
    """
    for variable in VARIABLES:
        if (named := os.environ.get(variable)) is not None:
            return tuple(takewhile(is_gpu_name, map(str.strip, named.split(","))))
    return tuple(gpu.name for gpu in snapshot())


def visibility(names: Sequence[str]) -> dict[str, str]:
    """Return the variables that make only these GPUs visible to a process; nothing without names.

    HIP reads CUDA's variable as well, relative to the GPUs that ROCr's variable selects.
    """
    if not names:
        return {}
    shown = ",".join(names)
    if _CUDA in os.environ:
        return {_CUDA: shown}
    if _ROCR in os.environ:
        return {_ROCR: shown, _HIP: ",".join(map(str, range(len(names))))}
    return {_HIP if _HIP in os.environ else _CUDA: shown}


def in_use(names: Sequence[str]) -> dict[str, int]:
    """Return the bytes in use on each named GPU, by its own name; empty without names or a driver.

    A name is an index or a prefix of a UUID, as in CUDA_VISIBLE_DEVICES.
    """
    return {gpu.name: gpu.used for gpu in named(names)}


def named(names: Sequence[str]) -> tuple[GpuMemory, ...]:
    """Return the GPUs with these names; empty without names, or if the driver does not answer."""
    if not names:
        return ()
    try:
        found = tuple(gpu for gpu in snapshot() if any(map(gpu.is_called, names)))
    except (pynvml.NVMLError, OSError) as error:  # such as a GPU that fell off the bus
        _log.info("the memory of GPUs %s is not known: %s", ", ".join(names), error)
        return ()
    return (*found, *simulated_gpu.called(names))


def not_released(before: Mapping[str, int], cancel: threading.Event) -> dict[str, int]:
    """Return the bytes in use on each GPU above those `before`, by name, if over TOLERANCE.

    Waits for the driver at most RELEASE_S, and not once `cancel` is set. Owners are not determined: inside
    a container the driver's pids mean nothing.
    """
    ends = time.monotonic() + RELEASE_S
    names = tuple(before)
    while True:
        above = {name: used - before[name] for name, used in in_use(names).items()}
        left = {name: more for name, more in above.items() if more > TOLERANCE}
        if not left or time.monotonic() >= ends or cancel.wait(_POLL_S):
            return left
