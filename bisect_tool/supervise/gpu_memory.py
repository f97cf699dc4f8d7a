"""One GPU of this machine, and the memory in use on it."""

from __future__ import annotations

from dataclasses import dataclass

SIMULATED = "SIM-"
"""How the UUID of a simulated GPU begins."""

_UUIDS = ("GPU-", "MIG-", SIMULATED)


@dataclass(frozen=True)
class GpuMemory:
    """One GPU or MIG device: bytes in all and in use, and the bytes each process holds as `(pid, bytes)`.

    `index` is that of the driver, of a MIG device that of its GPU. The driver reports pids of the host:
    inside a container they may mean nothing. It may be simulated.
    """

    index: int
    uuid: str
    total: int
    used: int
    processes: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """How CUDA_VISIBLE_DEVICES names it: by index; some have only a UUID."""
        return self.uuid if self.uuid.startswith(("MIG-", SIMULATED)) else str(self.index)

    def is_called(self, name: str) -> bool:
        """Whether this is its index or (the beginning of) its UUID, as in CUDA_VISIBLE_DEVICES."""
        return name == self.name or (name.startswith(_UUIDS) and self.uuid.startswith(name))
