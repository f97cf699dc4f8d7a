"""The simulated GPU: memory held by living processes; it is found only by its UUID."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bisect_tool.supervise import gpus, simulated_gpu
from bisect_tool.supervise.gpu_memory import GpuMemory

MIB = 1 << 20
HOLD = """
import fcntl, os, sys
held = open(f"{sys.argv[1]}/{os.getpid()}.held", "w")
fcntl.flock(held, fcntl.LOCK_EX)
print(sys.argv[2], file=held, flush=True)
print("holding", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of the simulated GPU in a new home."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path))
    monkeypatch.setattr(gpus, "snapshot", lambda: (GpuMemory(0, "GPU-0", 80 * MIB, 0),))
    return tmp_path / "cache" / "assets" / simulated_gpu.FOLDER


def hold(folder, size):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "holding\n"
    return process


def test_memory_of_a_process_is_in_use_while_it_lives(folder):
    name = simulated_gpu.create()
    assert gpus.in_use((name,)) == {name: 0}
    with hold(folder, 7 * MIB) as ends, hold(folder, 5 * MIB) as is_killed:
        (gpu,) = gpus.named((name,))
        assert (gpu.name, gpu.total, gpu.used) == (name, 16 << 30, 12 * MIB)
        assert {*gpu.processes} == {(ends.pid, 7 * MIB), (is_killed.pid, 5 * MIB)}
        is_killed.kill()
        is_killed.wait(60)
        assert gpus.in_use((name,)) == {name: 7 * MIB}
        ends.communicate("", timeout=60)
        assert gpus.in_use((name,)) == {name: 0}


def test_simulated_gpu_is_found_only_by_name(folder):
    assert simulated_gpu.called(("SIM-",)) == ()
    name = simulated_gpu.create()
    assert [gpu.name for gpu in gpus.named(("0",))] == ["0"]
    assert [gpu.name for gpu in gpus.named(("0", name[:6]))] == ["0", name]
    assert gpus.named(("SIM-none",)) == ()


def test_simulated_gpu_is_created_once(folder):
    simulated_gpu.create()
    (folder / "total").write_text(f"{7 * MIB}\n")
    simulated_gpu.create()
    assert simulated_gpu.read(folder).total == 7 * MIB
    (folder / "total").write_text("half")
    simulated_gpu.create()
    assert simulated_gpu.read(folder).total == 16 << 30


def test_each_home_has_its_own_simulated_gpu(folder, tmp_path, monkeypatch):
    first = simulated_gpu.create()
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "other"))
    assert simulated_gpu.called((first,)) == ()
    assert simulated_gpu.create() != first


@pytest.mark.parametrize("content", ["", "half"])
def test_incomplete_file_holds_no_memory(folder, content):
    name = simulated_gpu.create()
    with hold(folder, 0) as process:
        (folder / f"{process.pid}.held").write_text(content)
        assert gpus.in_use((name,)) == {name: 0}
        process.communicate("", timeout=60)
