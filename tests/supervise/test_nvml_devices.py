"""GPUs through the real NVML bindings and a fake libnvidia-ml.so.1, which returns the content of a file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bisect_tool.supervise.gpu_memory import GpuMemory

SOURCE = Path(__file__).with_name("fake_nvml.c")
ASK = "from bisect_tool.supervise import gpus; print(gpus.snapshot()); print(gpus.named(['1', 'MIG-b']))"


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The folder of the fake library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("driver")
    library = str(folder / "libnvidia-ml.so.1")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, str(SOURCE)], check=True, timeout=60)
    return folder


@pytest.fixture
def ask(driver, tmp_path):
    """Query the driver for its GPUs in a separate process: all of them, then some by name."""

    def ask(*lines):
        state = tmp_path / "gpus.txt"
        state.write_text("".join(f"{line}\n" for line in lines))
        environ = {**os.environ, "LD_LIBRARY_PATH": str(driver), "FAKE_NVML": str(state)}
        done = subprocess.run(
            [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.splitlines(), done.stderr

    return ask


def test_split_gpu_is_its_mig_devices(ask):
    output, errors = ask("gpu GPU-a 1000 10 42:7", "gpu GPU-b 2000 0", "mig MIG-b1 500 3", "mig MIG-b2 500 4")
    split = (GpuMemory(1, "MIG-b1", 500, 3), GpuMemory(1, "MIG-b2", 500, 4))
    assert (output, errors) == ([str((GpuMemory(0, "GPU-a", 1000, 10, ((42, 7),)), *split)), str(split)], "")


def test_lost_gpu_is_an_error_for_all_and_unknown_by_name(ask):
    output, errors = ask("gpu GPU-a 1000 10", "lost")
    assert output == []
    assert "NVMLError_GpuIsLost" in errors
