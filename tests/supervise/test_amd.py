"""AMD's GPUs, as the kernel shows them in sysfs."""

from __future__ import annotations

import pytest

from bisect_tool.supervise import amd, gpus
from bisect_tool.supervise.gpu_memory import GpuMemory


@pytest.fixture
def sysfs(tmp_path):
    """A machine with one CPU node and two GPUs; their numeric order differs from that of their names."""

    def node(number, **properties):
        folder = tmp_path / f"kfd/kfd/topology/nodes/{number}"
        folder.mkdir(parents=True)
        lines = "".join(f"{name} {value}\n" for name, value in properties.items())
        (folder / "properties").write_text(lines)

    def memory(minor, total, used):
        folder = tmp_path / f"drm/renderD{minor}/device"
        folder.mkdir(parents=True)
        (folder / "mem_info_vram_total").write_text(f"{total}\n")
        (folder / "mem_info_vram_used").write_text(f"{used}\n")

    node(0, cpu_cores_count=64, simd_count=0)
    node(2, simd_count=1216, drm_render_minor=129, unique_id=0x5A1C)
    node(10, simd_count=1216, drm_render_minor=128, unique_id=0x77F0)
    node(11, simd_count=1216, drm_render_minor=130, unique_id=1)  # not of this container
    memory(129, 200, 20)
    memory(128, 100, 10)
    return tmp_path


def test_gpus_are_in_the_order_of_their_nodes(sysfs):
    assert amd.devices(sysfs) == (
        GpuMemory(0, "GPU-0000000000005a1c", 200, 20),
        GpuMemory(1, "GPU-00000000000077f0", 100, 10),
    )


def test_gpus_without_an_id_are_named_by_their_index(sysfs):
    """If all had one name, a session would wait for itself."""
    for number, place in ((2, 0x300), (10, 0x8300)):
        file = sysfs / f"kfd/kfd/topology/nodes/{number}/properties"
        kept = [line for line in file.read_text().splitlines() if not line.startswith("unique_id")]
        file.write_text("\n".join([*kept, "unique_id 0", f"location_id {place}", "domain 1"]))
    names = [gpu.uuid for gpu in amd.devices(sysfs)]
    assert names == ["GPU-0000000100000300", "GPU-0000000100008300"]


def test_machine_without_the_driver_has_none(tmp_path):
    assert amd.devices(tmp_path) == ()


@pytest.fixture
def variables(monkeypatch):
    """Set the variables that select visible GPUs, and no others."""

    def set_all(**given):
        for name in ("CUDA", "ROCR", "HIP"):
            monkeypatch.delenv(f"{name}_VISIBLE_DEVICES", raising=False)
        for name, value in given.items():
            monkeypatch.setenv(f"{name}_VISIBLE_DEVICES", value)

    return set_all


@pytest.mark.parametrize(
    ("given", "seen", "narrowed"),
    [
        ({"CUDA": "4,5"}, ("4", "5"), {"CUDA_VISIBLE_DEVICES": "5"}),
        ({"HIP": "4,5"}, ("4", "5"), {"HIP_VISIBLE_DEVICES": "5"}),
        ({"ROCR": "4,5"}, ("4", "5"), {"ROCR_VISIBLE_DEVICES": "5", "HIP_VISIBLE_DEVICES": "0"}),
        (
            {"ROCR": "4,5", "HIP": "1,0"},
            ("4", "5"),
            {"ROCR_VISIBLE_DEVICES": "5", "HIP_VISIBLE_DEVICES": "0"},
        ),
        ({"CUDA": "", "HIP": "4"}, (), {"CUDA_VISIBLE_DEVICES": "5"}),
        ({}, ("0", "MIG-b1"), {"CUDA_VISIBLE_DEVICES": "5"}),
    ],
)
def test_set_variable_selects_gpus_and_is_narrowed(variables, monkeypatch, given, seen, narrowed):
    machine = (GpuMemory(0, "GPU-a", 9, 0), GpuMemory(1, "MIG-b1", 9, 0))
    monkeypatch.setattr(gpus, "snapshot", lambda: machine)
    variables(**given)
    assert gpus.visible() == seen
    assert gpus.visibility(("5",)) == narrowed
    assert gpus.visibility(()) == {}
