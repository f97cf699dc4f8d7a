"""Check a downloaded wheel before it is unpacked, and read its requirements."""

from __future__ import annotations

import email.parser
import lzma
import stat
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_MOST_FILES = 100_000
_UNPACKED_LIMIT = 32 << 30
_METADATA_LIMIT = 4 << 20
# Of a damaged or encrypted file, of an unknown compression, and of names that are not UTF-8.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


class BadWheel(Exception):
    """The file is not a wheel of that distribution, or has paths outside its folder."""


def check_wheel(path: Path, package: str, version: Version) -> None:
    """Check the whole file.

    Raises:
        BadWheel: it is damaged, another distribution or version, or has paths outside its folder.
    """
    with _opened(path) as wheel:
        _check_members(wheel.infolist())
        if damaged := wheel.testzip():
            raise BadWheel(f"{clean_line(damaged, 200)} is damaged")
        headers = _metadata(wheel)
    name, found = (headers.get(key, [""])[0] for key in ("name", "version"))
    if canonicalize_name(name) != package or not _is_version(found, version):
        raise BadWheel(f"it is {clean_line(f'{name} {found}', 200)}, not {package} {version}")


def torch_of(path: Path) -> str:
    """Return the torch version that a wheel pins, or empty. Raises BadWheel if it is damaged."""
    with _opened(path) as wheel:
        return pinned(_metadata(wheel).get("requires-dist", []), "torch")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as wheel:
            yield wheel
    except _DAMAGED as error:
        raise BadWheel(f"it is not an intact zip file: {clean_line(str(error), 200)}") from error


def pinned(requirements: Iterable[str], package: str) -> str:
    """Return the version that requirements pin a distribution to (`==`) on this machine, or empty."""
    for line in requirements:
        try:
            requirement = Requirement(line.partition(" #")[0].strip())
        except InvalidRequirement:  # a comment, an option, or nothing that pins
            continue
        if canonicalize_name(requirement.name) != package:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        exact = [each.version for each in requirement.specifier if each.operator == "=="]
        if exact:
            return exact[0]
    return ""


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_FILES or sum(each.file_size for each in members) > _UNPACKED_LIMIT:
        raise BadWheel("it would unpack to too many files, or to files that are too large")
    for each in members:
        parts = each.filename.removesuffix("/").split("/")
        if "\\" in each.filename or "\0" in each.orig_filename or {"", ".", ".."} & {*parts}:
            raise BadWheel(f"a file would be written elsewhere: {clean_line(each.filename, 200)}")
        if stat.S_ISLNK(each.external_attr >> 16):
            raise BadWheel(f"it contains a link: {clean_line(each.filename, 200)}")


def _metadata(wheel: zipfile.ZipFile) -> Mapping[str, list[str]]:
    found = [
        each
        for each in wheel.infolist()
        if each.filename.count("/") == 1 and each.filename.endswith(".dist-info/METADATA")
    ]
    if len(found) != 1 or found[0].file_size > _METADATA_LIMIT:
        raise BadWheel("it has no METADATA")
    message = email.parser.BytesParser().parsebytes(wheel.read(found[0]), headersonly=True)
    headers: dict[str, list[str]] = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(str(value))
    return headers


def _is_version(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False
