"""One GPU of this machine, and the memory in use on it."""

from __future__ import annotations

from dataclasses import dataclass

SIMULATED = "SIM-"
"""Prefix of the UUID of a simulated GPU."""

_UUIDS = ("GPU-", "MIG-", SIMULATED)


def is_gpu_name(word: str) -> bool:
    """Whether a word of CUDA_VISIBLE_DEVICES names a GPU: `-1` and `none` hide all that follow."""
    return word.isdecimal() or word.startswith(_UUIDS)


@dataclass(frozen=True)
class GpuMemory:
    """One GPU or MIG device: total and used bytes, and the bytes of each process as `(pid, bytes)`.

    `index` is the driver's; for a MIG device, that of its GPU. The driver reports pids of the host, which are
    not valid inside a container. The GPU may be simulated.
    """

    index: int
    uuid: str
    total: int
    used: int
    processes: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """Its name in CUDA_VISIBLE_DEVICES: the index, or the UUID if there is only that."""
        return self.uuid if self.uuid.startswith(("MIG-", SIMULATED)) else str(self.index)

    def is_called(self, name: str) -> bool:
        """Whether this is its index or a prefix of its UUID, as in CUDA_VISIBLE_DEVICES."""
        return name == self.name or (name.startswith(_UUIDS) and self.uuid.startswith(name))
