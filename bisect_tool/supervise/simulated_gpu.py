"""A simulated GPU for machines without one: a folder that records the memory of each process.

The file `total` contains the size in bytes. A process that uses memory has a file `PID.held` with its bytes,
locked by flock(2): the memory is freed however the process ends. The bundled reference engine uses it.
"""

from __future__ import annotations

import fcntl
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from bisect_tool.paths import home
from bisect_tool.supervise.files import write_atomically
from bisect_tool.supervise.gpu_memory import SIMULATED, GpuMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FOLDER = "simulated-gpu"
"""Its name in the assets folder, as in the profiles that use it."""
_TOTAL = 16 << 30


def create() -> str:
    """Create it unless it exists; returns its UUID, its only name."""
    folder = home().assets / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if read(folder) is None:  # else trials may be reading it
        write_atomically(folder / "total", f"{_TOTAL}\n")
    return _uuid(folder)


def called(names: Sequence[str]) -> tuple[GpuMemory, ...]:
    """Return it if one of the names is its UUID, or a prefix of that."""
    if not any(name.startswith(SIMULATED) for name in names):
        return ()
    gpu = read(home().assets / FOLDER)
    return (gpu,) if gpu and any(map(gpu.is_called, names)) else ()


def read(folder: Path) -> GpuMemory | None:
    """Read the GPU in a folder; None if there is none."""
    try:
        total = int((folder / "total").read_text(encoding="ascii"))
    except (OSError, ValueError):  # it was not created, or is not whole
        return None
    processes = tuple(_holders(folder))
    return GpuMemory(0, _uuid(folder), total, sum(size for _, size in processes), processes)


def _uuid(folder: Path) -> str:
    """Return a name unique to this home: runs in different homes do not wait for each other."""
    return f"{SIMULATED}{zlib.crc32(bytes(folder)):08x}"


def _holders(folder: Path) -> Iterator[tuple[int, int]]:
    """Yield the pid and bytes of each process that uses memory."""
    for path in sorted(folder.glob("*.held")):
        with suppress(OSError, ValueError), path.open(encoding="ascii") as file:  # it goes, or just comes
            if _is_locked(file.fileno()):
                yield int(path.stem), int(file.read())


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
