"""Measure, parse and format sizes on disk."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BLOCK = 512
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE)
_FACTORS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_size(text: str) -> int:
    """The number of bytes that `50G`, `1.5 GiB` or `1000` means; units are powers of 1024.

    Raises:
        UsageError: the text is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{clean_line(text, 100)!r} is not a size", "Use a number with K, M, G or T, such as 50G."
        )
    return int(float(match[1]) * _FACTORS.get((match[2] or "").upper(), 1))


def format_size(size: int) -> str:
    """`8.1 GiB`, `312 MiB`, `4 KiB`, `0 B`."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 99.95 and unit != "KiB" else f"{value:.0f} {unit}"
    return f"{size} B"


def size_on_disk(paths: Iterable[Path]) -> int:
    """The disk usage of files and folders in bytes, as in du(1); files that disappear are not counted.

    A file with several hard links counts once; symbolic links are not followed.
    """
    seen: set[tuple[int, int]] = set()
    return sum(_size(path, seen) for path in paths)


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    try:
        total = _entry_size(path.lstat(), seen)
    except OSError:  # it does not exist
        return 0
    folders = [str(path)] if path.is_dir() and not path.is_symlink() else []
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += _entry_size(entry.stat(follow_symlinks=False), seen)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:  # removed in the meantime, or not readable
            continue
    return total


def _entry_size(status: os.stat_result, seen: set[tuple[int, int]]) -> int:
    if status.st_nlink > 1:
        if (status.st_dev, status.st_ino) in seen:
            return 0
        seen.add((status.st_dev, status.st_ino))
    return status.st_blocks * _BLOCK
