"""Where the processes of one rank meet: sockets in a temporary folder of its own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LONGEST = 80  # bytes; the path of a socket may have 107


@dataclass(frozen=True)
class Addresses:
    """The engine core binds `engine`; API server i binds `client(i)`."""

    folder: str

    @property
    def engine(self) -> str:
        return f"ipc://{self.folder}/engine"

    def client(self, index: int) -> str:
        return f"ipc://{self.folder}/client-{index}"


@contextlib.contextmanager
def rank_addresses() -> Iterator[Addresses]:
    """Addresses in a folder that is removed at the end."""
    root = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="refengine-", dir=root if len(root) < LONGEST else "/tmp"))  # noqa: S108
    try:
        yield Addresses(str(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
