from __future__ import annotations

from types import SimpleNamespace

import pynvml
import pytest

from bisect_tool.supervise import gpus
from bisect_tool.supervise.gpus import GpuMemory, snapshot


@pytest.fixture
def driver(monkeypatch):
    """A driver with two GPUs, the second of which does not tell who uses it."""
    calls = []

    def processes(index):
        if index == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [SimpleNamespace(pid=7, usedGpuMemory=5), SimpleNamespace(pid=8, usedGpuMemory=None)]

    answers = {
        "nvmlInit": lambda: calls.append("init"),
        "nvmlShutdown": lambda: calls.append("shutdown"),
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda index: SimpleNamespace(total=100, used=10 * index),
        "nvmlDeviceGetUUID": lambda index: f"GPU-{index}",
        "nvmlDeviceGetComputeRunningProcesses": processes,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(gpus.pynvml, name, answer)
    return calls


def test_what_the_driver_says(driver):
    assert snapshot() == (
        GpuMemory(0, "GPU-0", 100, 0, ((7, 5), (8, 0))),
        GpuMemory(1, "GPU-1", 100, 10, ()),
    )
    assert driver == ["init", "shutdown"]


def test_no_driver(monkeypatch):
    def fail():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(gpus.pynvml, "nvmlInit", fail)
    assert snapshot() == ()


@pytest.mark.gpu
def test_a_real_driver():
    memories = snapshot()
    if not memories:
        pytest.skip("no NVIDIA GPU here")
    assert all(memory.total > memory.used >= 0 for memory in memories)
