"""Write files atomically, and open files safely that a trial may have replaced.

A trial can replace the files in its folder, e.g. by a pipe, by a link to an endless device or to another
user's file, or by a folder. Only regular files are opened here, and links are not followed, except by
`read_linked`.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORD_BYTES = 64 << 20
"""Longer than any record of ours; of a longer file, only the beginning is read."""
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file atomically, by rename(2); on disk when this returns."""
    with atomic_writer(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Yield a file; its content replaces that of `path` atomically at the end of the block."""
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
    try:
        with _opened(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it; raises OSError for anything else, including symbolic links."""
    return _opened(path, os.O_RDONLY, "rb")


def read_regular(path: Path, limit: int = RECORD_BYTES) -> bytes:
    """Read at most `limit` bytes of a regular file; raises OSError for anything else."""
    with open_regular(path) as file:
        return _read(file, limit)


def read_linked(path: Path, limit: int = RECORD_BYTES) -> bytes:
    """Like `read_regular`, but follow links: for a project's files, among which links are usual."""
    with _opened(path, os.O_RDONLY, "rb", follow=True) as file:
        return _read(file, limit)


def open_to_append(path: Path) -> BinaryIO:
    """Open a regular file to append to it, and create it if needed; raises OSError for anything else."""
    return _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, "ab")


def append_regular(path: Path, text: str, *, anew: bool = False) -> None:
    """Append to a regular file, or overwrite it (`anew`); raises OSError for anything else."""
    with open_to_append(path) as file:
        if anew:
            file.truncate(0)
        file.write(text.encode(errors="replace"))


def _read(file: BinaryIO, limit: int) -> bytes:
    # Python reserves memory for all that it is asked to read.
    return file.read(min(limit, os.fstat(file.fileno()).st_size))


def _opened(path: Path, flags: int, mode: str, *, follow: bool = False) -> BinaryIO:
    safe = _SAFE & ~os.O_NOFOLLOW if follow else _SAFE
    try:
        descriptor = os.open(path, flags | safe, 0o666)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, mode)  # type: ignore[return-value]


def _sync_folder(folder: Path) -> None:
    """Make the folder's entries durable (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
