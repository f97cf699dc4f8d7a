"""Load test reports from files, or from archives, which are unpacked in memory only."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import posixpath
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE_LIMIT = 256 << 20
"""The largest size of a file, and of an unpacked archive."""
SIDECAR = "commit"
"""The name of a file beside a report that contains its commit."""
_FILES = 100_000
_ZIP = b"PK"
_COMPRESSIONS: dict[bytes, Callable[[io.BytesIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_GLOBAL_HEADERS = 100
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted; a compression method that is not known
)


class NoArchive(Exception):
    """An archive is damaged, encrypted or too large; the message says which."""


@dataclass(frozen=True)
class ReportFile:
    """A report: its folder and name, its content, and the content of the file `commit` beside it."""

    folder: str
    name: str
    content: bytes
    sidecar: str = ""

    @property
    def path(self) -> str:
        """Its path."""
        return posixpath.join(self.folder, self.name)


def is_archive(content: bytes) -> bool:
    """Whether the content is a zip or a compressed tar archive."""
    return content.startswith((_ZIP, *_COMPRESSIONS))


def unpack(content: bytes, place: str) -> tuple[ReportFile, ...]:
    """Return the XML files of an archive. Nothing is written to disk, so the names of members are harmless.

    Args:
        content: the archive.
        place: the name of its path.

    Raises:
        NoArchive: it cannot be read.
    """
    try:
        members = dict(_zipped(content) if content.startswith(_ZIP) else _tarred(content))
    except _DAMAGED as error:
        raise NoArchive(f"the archive cannot be read: {error}") from None
    return tuple(
        ReportFile(
            posixpath.join(place, posixpath.dirname(name)),
            posixpath.basename(name),
            found,
            members.get(posixpath.join(posixpath.dirname(name), SIDECAR), b"")[:1000].decode(
                "utf-8", "replace"
            ),
        )
        for name, found in sorted(members.items())
        if _is_report(name)
    )


def _zipped(content: bytes) -> Iterator[tuple[str, bytes]]:
    left = SIZE_LIMIT
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if not _is_wanted(member.filename):
                continue
            with archive.open(member) as file:  # its header may lie about its size
                found = file.read(left + 1)
            left = _charged(left, len(found))
            yield _relative(member.filename), found


def _tarred(content: bytes) -> Iterator[tuple[str, bytes]]:
    """As a stream, of which a header cannot lead back to an earlier one; headers are unpacked as well."""
    left = SIZE_LIMIT
    with (
        _unpacked(content) as unpacked,
        tarfile.open(fileobj=cast("IO[bytes]", _Bounded(unpacked, SIZE_LIMIT)), mode="r|") as archive,
    ):
        for number, member in enumerate(archive):
            left = _charged(left, member.size)
            file = archive.extractfile(member) if member.isreg() and _is_wanted(member.name) else None
            if file is not None:
                yield _relative(member.name), file.read()
            if number > _FILES or len(archive.pax_headers) > _GLOBAL_HEADERS:
                raise NoArchive("the archive contains too many files or headers")


def _unpacked(content: bytes) -> IO[bytes]:
    mark = next(each for each in _COMPRESSIONS if content.startswith(each))
    return cast("IO[bytes]", _COMPRESSIONS[mark](io.BytesIO(content)))


@dataclass
class _Bounded:
    """A stream that raises NoArchive once more than `left` bytes of it were read."""

    stream: IO[bytes]
    left: int

    def read(self, size: int) -> bytes:
        content = self.stream.read(size)
        self.left = _charged(self.left, len(content))
        return content


def _charged(left: int, size: int) -> int:
    if not 0 <= size <= left:
        raise NoArchive("the archive is too large for a test report")
    return left - size


def _relative(name: str) -> str:
    return posixpath.normpath(name).lstrip("/")


def _is_wanted(name: str) -> bool:
    return _is_report(name) or posixpath.basename(name) == SIDECAR


def _is_report(name: str) -> bool:
    return name.lower().endswith(".xml")
