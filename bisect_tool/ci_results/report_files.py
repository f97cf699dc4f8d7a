"""Find test reports: files that match a pattern, or a URL; archives are unpacked."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.ci_results.download_url import split_url
from bisect_tool.ci_results.report_file import (
    SIDECAR,
    SIZE_LIMIT,
    NoArchive,
    ReportFile,
    is_archive,
    unpack,
)
from bisect_tool.errors import UsageError
from bisect_tool.format import listing
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAMED = 5
_URL = re.compile(r"https?://", re.IGNORECASE)


def report_files(
    pattern: str, note: Callable[[str], None], request: Callable[[str], bytes]
) -> Iterator[ReportFile]:
    """Yield the reports of a pattern or a URL.

    Args:
        pattern: a file, a folder, a pattern (`**` for any depth), or a URL of one file.
        note: called with a sentence for each file that is left out.
        request: returns the content of a URL.

    Raises:
        UsageError: no file matches.
    """
    if _URL.match(pattern):
        address = split_url(pattern)
        folder, _, name = f"{address.scheme}://{address.hostname}{address.path}".rpartition("/")
        yield from _unpacked(ReportFile(folder, name, request(pattern)), note)
        return
    paths = list(_paths(pattern))
    if not paths:
        raise UsageError(
            f"no file matches {clean_line(pattern, 300)}: {_existing_files(pattern)}",
            "Correct the pattern of --results, and quote it.",
        )
    for path in paths:
        yield from _read(path, note)


def _paths(pattern: str) -> Iterator[Path]:
    if _is_folder(Path(pattern)):
        pattern = os.path.join(glob.escape(pattern), "**", "*.xml")  # noqa: PTH118 - a pattern, not a path
    yield from (Path(name) for name in sorted({*_matching(pattern)}) if Path(name).is_file())


def _matching(pattern: str) -> Iterator[str]:
    """The paths that a pattern matches, as `glob` has them; links that lead in circles are followed once."""
    head, *tails = re.split(r"(?:^|(?<=/))\*\*(?:/+|$)", pattern, maxsplit=1)
    if not tails:
        yield from glob.glob(pattern)  # noqa: PTH207
        return
    for top in glob.glob(head) if head else ("",):  # noqa: PTH207
        for folder in _below(top):
            yield from _matching(os.path.join(glob.escape(folder), tails[0] or "*"))  # noqa: PTH118


def _below(top: str) -> Iterator[str]:
    """A folder and all below it, each once, except hidden ones."""
    seen: set[str] = set()
    for parent, folders, _ in os.walk(top or ".", followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield parent if top else os.path.relpath(parent)


def _is_folder(path: Path) -> bool:
    """Whether there is such a folder; none has a name that is too long or that may not be read."""
    try:
        return path.is_dir()
    except OSError:  # see above
        return False


def _existing_files(pattern: str) -> str:
    """Describe the content of the last existing folder of a pattern."""
    folder = Path(pattern).absolute()
    while glob.has_magic(str(folder)) or not _is_folder(folder):
        folder = folder.parent
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError as error:
        return f"{clean_line(str(folder), 300)} cannot be read ({error.strerror})"
    held = listing([clean_line(name, 80) for name in names], _NAMED)
    return f"{clean_line(str(folder), 300)} {f'has {held}' if held else 'is empty'}"


def _read(path: Path, note: Callable[[str], None]) -> Iterator[ReportFile]:
    name = clean_line(str(path), 300)
    try:
        if path.stat().st_size > SIZE_LIMIT:
            note(f"{name} is left out: too large for a test report")
            return
        file = ReportFile(str(path.parent), path.name, path.read_bytes(), _beside(path))
    except OSError as error:
        note(f"{name} is left out: {error.strerror or error}")
        return
    yield from _unpacked(file, note)


def _unpacked(file: ReportFile, note: Callable[[str], None]) -> Iterator[ReportFile]:
    if not is_archive(file.content):
        yield file
        return
    try:
        yield from unpack(file.content, file.path)
    except NoArchive as error:
        note(f"{clean_line(file.path, 300)} is left out: {clean_line(str(error), 200)}")


def _beside(path: Path) -> str:
    sidecar = path.with_name(SIDECAR)
    if not sidecar.is_file():
        return ""
    with sidecar.open("rb") as file:
        return file.read(1000).decode("utf-8", "replace")
