"""Pack a folder into bytes, to send it to another machine."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from pathlib import Path

_FASTEST = 1
_OTHERS = 0o755
"""The mask of a file's mode."""


def pack(folder: Path) -> bytes:
    """Pack the regular files of a folder, without links, sockets and compiled modules."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=_FASTEST) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                archive.add(path, str(path.relative_to(folder)), recursive=False)
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Write the files of `pack` into a folder, overwriting existing ones.

    Raises:
        ValueError: it contains anything but regular files below the folder.
    """
    # By hand: `extractall` is safe with a filter only, which Python has from 3.11.4 on.
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or name.is_absolute() or ".." in name.parts:
                raise ValueError(f"{clean_line(member.name, 200)!r} does not belong to this archive")
            _write(folder / name, content.read(), member.mode)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR | mode & _OTHERS)
