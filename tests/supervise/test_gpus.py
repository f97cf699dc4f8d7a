from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pynvml
import pytest

from bisect_tool.supervise import gpus
from bisect_tool.supervise.gpus import MIB, TOLERANCE, GpuMemory, in_use, not_released, snapshot


@pytest.fixture
def driver(monkeypatch):
    """A driver with two GPUs; it does not list the processes of the second."""
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
        "nvmlDeviceGetMemoryInfo": lambda index, **_: SimpleNamespace(total=100, used=10 * index),
        "nvmlDeviceGetUUID": lambda index: f"GPU-{index}",
        "nvmlDeviceGetComputeRunningProcesses": processes,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return calls


def test_memory_of_the_driver(driver):
    assert snapshot() == (
        GpuMemory(0, "GPU-0", 100, 0, ((7, 5), (8, 0))),
        GpuMemory(1, "GPU-1", 100, 10, ()),
    )
    assert driver == ["init", "shutdown"]


def test_driver_without_the_second_version_includes_reserved_memory(driver, monkeypatch):
    def info(index, version=None):
        if version is not None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return SimpleNamespace(total=100, used=30)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", info)
    assert [gpu.used for gpu in snapshot()] == [30, 30]


def test_no_driver(monkeypatch):
    def fail():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert snapshot() == ()


@pytest.fixture
def memory(driver, monkeypatch):
    """The memory in use on GPU 1 at each query of the driver; the last is repeated."""
    samples = [0]

    def info(index, **_):
        used = (samples.pop(0) if len(samples) > 1 else samples[0]) if index else 7 * TOLERANCE
        return SimpleNamespace(total=100 * TOLERANCE, used=used)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", info)
    return samples


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("0",), {"0": 0}),
        (("GPU-1",), {"1": 10}),
        (("GPU-",), {"0": 0, "1": 10}),
        (("1", "0"), {"0": 0, "1": 10}),
        (("2", "GPU-12", "MIG-1", "", "PU-1"), {}),
        ((), {}),
    ],
)
def test_gpus_are_named_by_index_or_uuid_prefix(driver, names, found):
    assert in_use(names) == found
    assert bool(driver) == bool(names)


def test_failing_driver_has_no_figures(driver, monkeypatch):
    def lost(_index, **_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lost)
    assert in_use(["0"]) == {}
    assert not_released({"0": 0}, threading.Event()) == {}


def test_memory_released_in_time_is_not_reported(memory):
    memory[:] = [9 * TOLERANCE, 5 * TOLERANCE, TOLERANCE + 4 * MIB]
    assert not_released({"1": 4 * MIB}, threading.Event()) == {}
    assert memory == [TOLERANCE + 4 * MIB]


def test_memory_that_is_not_released_is_reported(memory, monkeypatch):
    monkeypatch.setattr(gpus, "RELEASE_S", 0.3)
    memory[:] = [TOLERANCE + 5 * MIB]
    began = time.monotonic()
    assert not_released({"0": 7 * TOLERANCE, "1": 4 * MIB}, threading.Event()) == {"1": TOLERANCE + MIB}
    assert time.monotonic() - began >= 0.3


def test_cancelled_wait_for_released_memory_ends(memory, monkeypatch):
    memory[:] = [9 * TOLERANCE]
    cancelled = threading.Event()
    cancelled.set()
    monkeypatch.setattr(gpus, "RELEASE_S", 200.0)  # more than pytest would wait
    began = time.monotonic()
    assert not_released({"1": 0}, cancelled) == {"1": 9 * TOLERANCE}
    assert time.monotonic() - began < 100


def test_driver_is_not_queried_without_gpus(driver):
    assert not_released(in_use(()), threading.Event()) == {}
    assert driver == []


@pytest.mark.gpu
def test_real_driver():
    memories = snapshot()
    if not memories:
        pytest.skip("no NVIDIA GPU here")
    assert all(memory.total > memory.used >= 0 for memory in memories)
