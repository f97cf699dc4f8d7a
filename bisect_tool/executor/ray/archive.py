"""A folder as bytes, to send it from one machine to another."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FASTEST = 1


def pack(folder: Path) -> bytes:
    """The regular files of a folder; links, sockets and compiled modules are left out."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=_FASTEST) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                archive.add(path, str(path.relative_to(folder)), recursive=False)
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Write the files of `pack` into a folder, over those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")
