"""Write to standard output and error completely, where Python itself would drop a part.

A full disk or a non-blocking pipe takes a part of a text. With PYTHONUNBUFFERED, as in many containers and CI
jobs, Python drops the rest without an error; otherwise it gives up if the reader of such a pipe is slow.
"""

from __future__ import annotations

import errno
import io
import os
import select
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READER_S = 60.0
"""Time for the reader of a non-blocking pipe to read the next part."""


def whole(stream: TextIO | None) -> TextIO | None:
    """Return a stream that writes all or raises OSError, to the same descriptor; as it is without one."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        descriptor = stream.fileno()
        stream.flush()
    except (OSError, ValueError):  # a test's replacement, or closed
        return stream
    binary = cast("BinaryIO", _Descriptor(descriptor))
    return io.TextIOWrapper(binary, stream.encoding, stream.errors, line_buffering=True)


class _Descriptor(io.RawIOBase):
    """A descriptor to write to, which it does not close."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Write all of it; raises OSError, also if its reader is too slow."""
        rest = memoryview(data).cast("B")
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                self._await_reader()
        return memoryview(data).nbytes

    def _await_reader(self) -> None:
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLOUT)
        if not waiting.poll(READER_S * 1000):
            raise TimeoutError(errno.ETIMEDOUT, "its reader stopped reading")
