"""Read numbered lines from plain, compressed and archived logs and JUnit XML.

The format is recognised by its content. Logs are streamed, and none is written to disk; only a log whose
newest line is the first is held in memory.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from bisect_tool.errors import UsageError
from bisect_tool.evidence.healthy_lines import relevant_lines
from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.newest_first import is_newest_first, oldest_first
from bisect_tool.evidence.patterns import SUITE
from bisect_tool.log_input.junit import NotJunit, failed_cases
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

STDIN = "-"
_SUFFIXES = (".log", ".txt", ".xml")
_BLOCK = 1 << 18
_LINE_LIMIT = 1 << 20
_UNPACKED_LIMIT = 2 << 30
_TURNED_LIMIT = 64 << 20
_MAX_FILES = 10_000
_MAX_ENTRIES = 200_000
_INDENT_LINES = 200
_JUNIT, _HEAD = "<testsuite", 4096
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)
_XML = re.compile(r"\s*<(?:\?xml|!DOCTYPE|testsuites?\b)")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# GitHub's archive has the whole log of a job as `0_JOB.txt`, and that of each step in the folder `JOB`.
_WHOLE_JOB = re.compile(r"(?:.*/)?\d+_(?P<job>[^/]+)\.txt$")


class LogFiles:
    """The logs at some paths: files, folders, archives, and `-` for standard input.

    `note` is called with a message for each log that was read only in part.

    Raises:
        UsageError: a path cannot be read, or has no log; also raised by `lines`.
    """

    def __init__(self, paths: Sequence[str], note: Callable[[str], None]) -> None:
        self._note = note
        self._elements: dict[str, tuple[str, int]] = {}
        self._turned: dict[str, list[int]] = {}
        self._named = frozenset(map(_name, paths))
        self._files = tuple(dict.fromkeys(file for path in paths for file in _files(path, note)))

    def lines(self) -> Iterator[LogLine]:
        """Yield the relevant lines (see `relevant_lines`), one log after the other."""
        for file in self._files:
            try:
                with _open(file) as stream:
                    yield from self._read(_name(file), stream)
            except OSError as error:
                raise _read_error(file, error.strerror or str(error)) from None

    def location(self, source: str, line: int) -> tuple[str, int]:
        """Return the file and line number (0 for none) of a line of `source`."""
        if line and source in self._turned:
            return source, self._turned[source][line - 1] + 1
        return self._elements.get(source, (source, line))

    def _read(self, name: str, stream: io.BufferedReader) -> Iterator[LogLine]:
        first = stream.peek(len(_ZIP))
        if first.startswith(_ZIP):
            yield from self._read_archive(name, stream)
        elif first.startswith(_GZIP):
            packed = cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
            yield from self._contents(name, _buffered(_Unpacked(packed, name, _Budget(), self._note)))
        else:
            yield from self._contents(name, stream)

    def _read_archive(self, name: str, stream: io.BufferedReader) -> Iterator[LogLine]:
        if not stream.seekable():
            raise UsageError(
                f"{name} is a zip archive, which cannot be read from a pipe", "Use the path of the file."
            )
        try:
            with zipfile.ZipFile(stream) as archive:
                sizes = {each.filename: each for each in archive.infolist() if _is_log(each.filename)}
                budget = _Budget()
                for member in _without_steps(sorted(sizes))[:_MAX_FILES]:
                    with archive.open(sizes[member]) as packed:
                        inside = f"{name}:{clean_line(member, 300)}"
                        unpacked = _Unpacked(packed, inside, budget, self._note)
                        yield from self._contents(inside, _buffered(unpacked))
                    if budget.is_spent:
                        return
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise UsageError(f"{name} cannot be read: {clean_line(str(error), 200)}") from None

    def _contents(self, name: str, stream: io.BufferedReader) -> Iterator[LogLine]:
        blocks = iter(partial(stream.read1, _BLOCK), b"")
        head = stream.peek(_HEAD)[:_HEAD]
        beginning = head.decode(encoding_of(head), "replace")
        if not _XML.match(beginning):
            text = _unindented(_decode(blocks, head))
            yield from relevant_lines(name, self._oldest_first(name, text))
        elif name in self._named or _JUNIT in beginning:  # other XML in a folder is not a log
            yield from self._read_junit(name, stream)

    def _oldest_first(self, name: str, blocks: Iterator[str]) -> Iterator[str]:
        """Yield a log in blocks; one whose newest line is the first is turned, unless it is very long."""
        kept = [next(blocks, "")]
        if not is_newest_first(kept[0].split("\n")):
            yield from chain(kept, blocks)
            return
        size = len(kept[0])
        for block in blocks:
            kept.append(block)
            size += len(block)
            if size > _TURNED_LIMIT:
                self._note(f"{name} has its newest line first, and is too long to be reversed")
                yield from chain(kept, blocks)
                return
        lines = "".join(kept).removesuffix("\n").split("\n")
        self._turned[name] = oldest_first(lines)
        yield "".join(f"{lines[at]}\n" for at in self._turned[name])

    def _read_junit(self, name: str, stream: BinaryIO) -> Iterator[LogLine]:
        """Yield the lines of the failed tests in JUnit XML, each test as a separate source."""
        found = 0
        try:
            for found, case in enumerate(failed_cases(stream), 1):
                source = f"{name}: {found}"
                self._elements[source] = name, case.line
                head = ["===== FAILURES =====", f"____ {case.name} ____"] if case.name else []
                for number, text in enumerate((*head, *case.text), 1):
                    yield LogLine(source, 0.0, text, number)
        except NotJunit as error:
            if not found and name in self._named:
                raise UsageError(f"{name}: {error}", "Remove it, or use the log itself.") from None
            self._note(f"{name}: the rest is skipped: {error}")


@dataclass
class _Budget:
    """How many bytes an archive may still unpack to, all of its files together."""

    left: int = field(default_factory=lambda: _UNPACKED_LIMIT)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be unpacked."""
        return self.left <= 0


class _Unpacked(io.RawIOBase):
    """What a packed file unpacks to, up to where the budget is spent or it is damaged."""

    def __init__(self, packed: IO[bytes], name: str, budget: _Budget, note: Callable[[str], None]) -> None:
        super().__init__()
        self._packed, self._name, self._budget, self._note = packed, name, budget, note
        self._ended = False

    def readable(self) -> bool:
        """Always true: the stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever has a buffer
        """Unpack into a buffer; returns the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        content = b"" if self._ended else self._next(len(view))
        view[: len(content)] = content
        return len(content)

    def _next(self, size: int) -> bytes:
        try:
            content = self._packed.read(min(size, self._budget.left))
        except _DAMAGED as error:
            self._end(f"is damaged; the rest is skipped: {clean_line(str(error), 200)}")
            return b""
        self._budget.left -= len(content)
        if self._budget.is_spent:
            self._end(f"is longer than {_UNPACKED_LIMIT >> 20} MiB; the rest is skipped")
        return content

    def _end(self, why: str) -> None:
        self._ended = True
        self._note(f"{self._name} {why}")


def _files(path: str, note: Callable[[str], None]) -> list[str]:
    """Return the files at a path; for a folder, all logs below it."""
    if path == STDIN:
        return [path]
    if not path.strip("/"):
        raise UsageError(f"{path!r} is not a log", "Use a file, a directory, or - for standard input.")
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        raise _read_error(path, getattr(error, "strerror", None) or str(error)) from None
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise _read_error(path, "a device, which may never end")
    if not stat.S_ISDIR(mode):
        return [path]
    found = _without_steps(_find_logs(path, note))
    if not found:
        raise UsageError(
            f"{_name(path)} contains no logs",
            "Log files in a directory must end with .log, .txt or .xml, optionally followed by .gz.",
        )
    return found


def _find_logs(folder: str, note: Callable[[str], None]) -> list[str]:
    """Return the logs below a folder, sorted; of a very large folder only some, with a note."""
    found: list[str] = []
    entries = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        logs = (Path(parent, name) for name in sorted(files) if _is_log(name))
        found += [str(path) for path in logs if path.is_file()]
        entries += len(folders) + len(files)
        if len(found) > _MAX_FILES or entries > _MAX_ENTRIES:
            note(f"{_name(folder)} has too many files: some logs are skipped, at most {_MAX_FILES} are read")
            break
    return sorted(found[:_MAX_FILES])


def _is_log(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(_SUFFIXES)


def _without_steps(names: Sequence[str]) -> list[str]:
    """Drop the logs of steps if the log of the whole job is present."""
    jobs = {match["job"] for name in names if (match := _WHOLE_JOB.match(name))}
    return [name for name in names if PurePosixPath(name).parent.name not in jobs]


def _open(path: str) -> io.BufferedReader:
    if path == STDIN:
        return _buffered(io.FileIO(os.dup(0)))
    return _buffered(io.FileIO(path))


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast("Any", stream), _BLOCK)


def _name(path: str) -> str:
    if path == SUITE:  # reserved: the source of what pytest itself reported
        return f"./{path}"
    return "stdin" if path == STDIN else clean_line(path, 300)


def _read_error(path: str, reason: str) -> UsageError:
    return UsageError(f"{_name(path)} cannot be read: {clean_line(reason, 200)}")


def _decode(blocks: Iterable[bytes], first: bytes) -> Iterator[str]:
    """Yield the text of a log in blocks of whole lines; a line that is too long is truncated."""
    decoder = codecs.getincrementaldecoder(encoding_of(first))("replace")
    rest = ""
    for block in blocks:
        lines, end, tail = decoder.decode(block).rpartition("\n")
        if end:
            yield rest + lines + end
            rest = tail
        elif len(rest) < _LINE_LIMIT:
            rest += tail
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text, judged by its byte order mark or its first bytes."""
    return next((name for mark, name in _BOMS if head.startswith(mark)), "") or _guess_encoding(head)


def _guess_encoding(head: bytes) -> str:
    """Guess the encoding of a text without a byte order mark: in UTF-16, most second bytes are 0."""
    for encoding, zeros, letters in (
        ("utf-16-le", head[1::2], head[::2]),
        ("utf-16-be", head[::2], head[1::2]),
    ):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) // 2 and not letters.count(0):
            return encoding
    return "utf-8"


def _unindented(blocks: Iterator[str]) -> Iterator[str]:
    """Remove the indentation that the first lines of a text have in common."""
    first = next(blocks, "")
    lines = first.split("\n", _INDENT_LINES)[:_INDENT_LINES]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    blanks = min(indents, key=len, default="")
    if not blanks or not all(indent.startswith(blanks) for indent in indents):
        yield from chain((first,), blocks)
        return
    for block in chain((first,), blocks):
        yield block.removeprefix(blanks).replace(f"\n{blanks}", "\n")
