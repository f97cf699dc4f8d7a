"""Read the GPUs of the amdgpu driver from sysfs, in the order of ROCm's device numbers.

ROCm numbers the compute nodes of the kernel's topology (`/sys/class/kfd`); the render node of each has its
memory. See Documentation/gpu/amdgpu of the Linux kernel. Processes are not listed there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.gpu_memory import GpuMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSFS = Path("/sys/class")


def devices(sysfs: Path = SYSFS) -> tuple[GpuMemory, ...]:
    """Return every GPU that ROCm can use; empty without a driver."""
    return tuple(
        GpuMemory(index, f"GPU-{unique:016x}", _number(memory, "total"), _number(memory, "used"))
        for index, (unique, memory) in enumerate(_gpus(sysfs))
    )


def _gpus(sysfs: Path) -> Iterator[tuple[int, Path]]:
    """Yield the unique id of each GPU, and the folder with its memory figures."""
    nodes = (sysfs / "kfd/kfd/topology/nodes").glob("*/properties")
    for node in sorted(nodes, key=lambda path: int(path.parent.name)):
        properties = _properties(node)
        if properties.get("simd_count", 0):  # a CPU's node has none
            device = sysfs / f"drm/renderD{properties['drm_render_minor']}/device"
            if (device / "mem_info_vram_total").exists():  # a container shows only its own
                # Some GPUs have no id of their own: their place on the bus names them on this machine.
                place = properties.get("domain", 0) << 32 | properties.get("location_id", 0)
                yield properties.get("unique_id", 0) or place, device


def _properties(node: Path) -> Mapping[str, int]:
    pairs = (line.split() for line in node.read_text(encoding="ascii").splitlines())
    return {name: int(value) for name, value in pairs}


def _number(device: Path, which: str) -> int:
    return int((device / f"mem_info_vram_{which}").read_text(encoding="ascii"))
