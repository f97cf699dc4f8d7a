"""A GPU is free if hardly any of its memory is in use; processes that hold it are named if known."""

from __future__ import annotations

import os
import threading

import pytest

from bisect_tool.supervise import free_gpus, gpus
from bisect_tool.supervise.free_gpus import busy_gpus, describe_busy, is_free, wait_until_free
from bisect_tool.supervise.gpu_memory import GpuMemory

GIB = 1 << 30


def gpu(used, total=80 * GIB, index=0, processes=()):
    return GpuMemory(index, f"GPU-{index}", total, used, processes)


@pytest.mark.parametrize(
    ("used", "total", "free"),
    [
        (4 * GIB, 80 * GIB, True),
        (4 * GIB + 1, 80 * GIB, False),
        (GIB, 8 * GIB, True),
        (GIB + 1, 8 * GIB, False),
    ],
)
def test_gpu_is_free_below_a_share_of_its_memory(used, total, free):
    assert is_free(gpu(used, total)) is free


@pytest.fixture
def driver(monkeypatch):
    """The memory in use on GPU 1 at each sample, the last one repeated; GPU 0 is always in use."""
    samples = []

    def snapshot():
        used = samples.pop(0) if len(samples) > 1 else samples[0]
        return gpu(70 * GIB), gpu(used, index=1)

    monkeypatch.setattr(gpus, "snapshot", snapshot)
    monkeypatch.setattr(free_gpus, "_POLL_S", 0.0)
    return samples


def unexpected(sentence):
    raise AssertionError(sentence)


def test_free_gpu_is_not_waited_for(driver):
    driver[:] = [GIB]
    assert wait_until_free(["1"], threading.Event(), unexpected) == ()


def test_gpu_that_becomes_free_is_waited_for_and_reported_once(driver):
    driver[:] = [41 * GIB, 30 * GIB, 9 * GIB, 0]
    messages = []
    assert wait_until_free(["GPU-1"], threading.Event(), messages.append) == ()
    assert messages == ["waiting for memory: 41.0 GiB of GPU 1 are in use"]


def test_gpu_that_stays_busy_is_returned_at_the_deadline(driver, monkeypatch):
    monkeypatch.setattr(free_gpus, "FREE_S", 0.05)
    driver[:] = [41 * GIB]
    assert wait_until_free(["1"], threading.Event(), lambda _: None) == (gpu(41 * GIB, index=1),)
    assert busy_gpus(["0", "1"]) == (gpu(70 * GIB), gpu(41 * GIB, index=1))


def test_cancelled_wait_for_a_free_gpu_ends(driver, monkeypatch):
    monkeypatch.setattr(free_gpus, "FREE_S", 1e9)
    driver[:] = [41 * GIB]
    cancelled = threading.Event()
    cancelled.set()
    assert wait_until_free(["1"], cancelled, lambda _: None)


@pytest.mark.parametrize("host", [True, False])
def test_holders_are_named_only_in_the_pid_namespace_of_the_host(monkeypatch, host):
    monkeypatch.setattr(free_gpus, "_sees_host_pids", lambda: host)
    text = describe_busy([gpu(2 * GIB, processes=((os.getpid(), 2 * GIB), (2**22 + 1, 0)))])
    if host:
        assert text.startswith("2.0 GiB of GPU 0 are in use by ")
        assert f"(pid {os.getpid()}, since " in text
        assert text.endswith(f", pid {2**22 + 1}")
    else:
        assert text == "2.0 GiB of GPU 0 are in use"
