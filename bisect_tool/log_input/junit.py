"""Read JUnit XML as a stream: each failed test becomes the lines that pytest would print.

Files with a DTD are rejected, so that there are no entities to expand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BLOCK = 1 << 16
_TOKEN_LIMIT = 64 << 20
_TEXT_LIMIT = 1 << 20
_NAME_LIMIT = 500
_ROOTS = frozenset({"testsuites", "testsuite"})
_FAILURES = frozenset({"failure", "error"})
_OUTPUT = frozenset({"system-out", "system-err"})
_RAISED = re.compile(r"E {2,}\S", re.MULTILINE)
_FILE = re.compile(r"^(?P<file>[\w./-]+\.py):\d+", re.MULTILINE)


UNKNOWN_ENCODING = (LookupError, ValueError)
"""What the parser raises for a declared encoding that it does not know, or of several bytes a character."""


class NotJunit(Exception):
    """The file has a DTD, is not XML, or has no test suite; the message says which."""


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A failed test case; `line` is the line of its element, `text` what pytest would print.

    A case without a name is the output of a whole test suite.
    """

    name: str
    line: int
    text: tuple[str, ...]


def failed_cases(file: BinaryIO) -> Iterator[FailedCase]:
    """Yield the failed test cases of an XML file.

    Raises:
        NotJunit: after yielding the cases before the error.
    """
    reader = _Reader()
    bytes_read = 0
    while True:
        block = file.read(_BLOCK)
        bytes_read += len(block)
        try:
            reader.parser.Parse(block, not block)
        except (expat.ExpatError, *UNKNOWN_ENCODING) as error:
            yield from reader.take_finished()
            raise NotJunit(f"not well-formed XML: {clean_line(str(error), 200)}") from None
        yield from reader.take_finished()
        if not block:
            return
        if bytes_read - reader.parser.CurrentByteIndex > _TOKEN_LIMIT:
            raise NotJunit("an element is too large for a test report")


@dataclass(slots=True)
class _Text:
    """Collects text; only the head and the tail of a long text are kept."""

    parts: list[str] = field(default_factory=list)
    head: str = ""
    size: int = 0

    def add(self, part: str) -> None:
        self.parts.append(part)
        self.size += len(part)
        if self.size > 2 * _TEXT_LIMIT:
            text = "".join(self.parts)
            if not self.head:
                self.head, text = text[:_TEXT_LIMIT], text[_TEXT_LIMIT:]
            self.parts = [text[-_TEXT_LIMIT:]]
            self.size = len(self.parts[0])

    def lines(self) -> list[str]:
        text = self.head + "".join(self.parts)
        return text.strip("\n").split("\n") if text.strip() else []


@dataclass(slots=True)
class _Case:
    """A test case that is being read."""

    line: int
    classname: str
    name: str
    file: str
    raised: list[tuple[str, str, _Text]] = field(default_factory=list)
    output: list[tuple[str, _Text]] = field(default_factory=list)

    def finished(self) -> FailedCase:
        text: list[str] = []
        for kind, message, body in self.raised:
            lines = body.lines()
            if not any(_RAISED.match(line) for line in lines):
                text += _error_lines(kind, message)
            text += lines
        for stream, body in self.output:
            text += [f"---- Captured {stream} ----", *body.lines()]
        title = clean_line(_node_id(self.classname, self.name, self.file, text), _NAME_LIMIT).strip()
        return FailedCase(title or "unnamed test", self.line, tuple(text))


class _Reader:
    """The expat handlers for one file."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._finished: list[FailedCase] = []
        self._path: list[str] = []
        self._case: _Case | None = None
        self._suite: list[tuple[str, _Text]] = []
        self._text: _Text | None = None

    def take_finished(self) -> list[FailedCase]:
        """Return the failed cases that were completed since the last call."""
        found, self._finished = self._finished, []
        return found

    def _doctype(self, *_: object) -> None:
        raise NotJunit("it has a DTD, which may expand without limit")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name not in _ROOTS:
            raise NotJunit(f"not JUnit XML: it begins with <{clean_line(name, 40)}>")
        if len(self._path) > 100:
            raise NotJunit("not JUnit XML: its elements are nested too deeply")
        self._path.append(name)
        if name == "testcase":
            classname, test, file = (attributes.get(key, "") for key in ("classname", "name", "file"))
            self._case = _Case(self.parser.CurrentLineNumber, classname, test, file)
        elif name in _FAILURES and self._case is not None:
            self._text = _Text()
            self._case.raised.append((attributes.get("type", ""), attributes.get("message", ""), self._text))
        elif name in _OUTPUT:
            self._text = _Text()
            (self._case.output if self._case is not None else self._suite).append((name, self._text))

    def _end(self, name: str) -> None:
        self._path.pop()
        if name == "testcase" and self._case is not None:
            if self._case.raised:
                self._finished.append(self._case.finished())
            self._case = None
        elif name in _FAILURES or name in _OUTPUT:
            self._text = None
        elif name == "testsuite" and self._suite:
            lines = [line for _, text in self._suite for line in text.lines()]
            self._finished.append(FailedCase("", self.parser.CurrentLineNumber, tuple(lines)))
            self._suite = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.add(text)


def _error_lines(kind: str, message: str) -> list[str]:
    """Format the attributes of a failure as pytest prints an exception, with `E` in the margin."""
    first, *more = message.strip("\n").split("\n")
    kind = "" if first.startswith(kind) or kind in ("failure", "error") else kind
    headline = ": ".join(part for part in (kind, first) if part)
    return [f"E   {line}" for line in (headline, *more) if line.strip()] if headline else []


def _node_id(classname: str, name: str, file: str, text: Sequence[str]) -> str:
    """Return the node id of a pytest test whose file is known, else class and name."""
    files = [file] if file.endswith(".py") else []
    files += [match["file"] for line in text if (match := _FILE.match(line))]
    for path in files:
        module = path[:-3].replace("/", ".")
        if classname == module or classname.startswith(f"{module}."):
            classes = classname[len(module) + 1 :].split(".") if len(classname) > len(module) else []
            return "::".join((path, *classes, name))
    return "::".join(part for part in (classname, name) if part)
