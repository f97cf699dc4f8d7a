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
_RED = frozenset({"failure", "error"})
_OUTPUT = frozenset({"system-out", "system-err"})
_RAISED = re.compile(r"E {2,}\S", re.MULTILINE)
_FILE = re.compile(r"^(?P<file>[\w./-]+\.py):\d+", re.MULTILINE)


class NoJunit(Exception):
    """The file has a DTD, is no XML, or has no test suite; the message says which."""


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A failed test case; `line` is that of its element, `text` what a log would have.

    Without a name it is the output of a whole test suite.
    """

    name: str
    line: int
    text: tuple[str, ...]


def failed_cases(file: BinaryIO) -> Iterator[FailedCase]:
    """Yield the failed test cases of an XML file.

    Raises:
        NoJunit: after the cases that come before the error.
    """
    reader = _Reader()
    fed = 0
    while True:
        block = file.read(_BLOCK)
        fed += len(block)
        try:
            reader.parser.Parse(block, not block)
        except expat.ExpatError as error:
            yield from reader.take()
            raise NoJunit(f"not well-formed XML: {error}") from None
        yield from reader.take()
        if not block:
            return
        if fed - reader.parser.CurrentByteIndex > _TOKEN_LIMIT:
            raise NoJunit("an element is too large for a test report")


@dataclass(slots=True)
class _Text:
    """Text that is appended to; of a long one, the head and the tail are kept."""

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
    """One test case, as it is read."""

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
                text += _in_the_margin(kind, message)
            text += lines
        for stream, body in self.output:
            text += [f"---- Captured {stream} ----", *body.lines()]
        title = clean_line(_node(self.classname, self.name, self.file, text), _NAME_LIMIT).strip()
        return FailedCase(title or "unnamed test", self.line, tuple(text))


class _Reader:
    """The handlers of one pass over a file."""

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

    def take(self) -> list[FailedCase]:
        """The failed cases that are complete since the last call."""
        found, self._finished = self._finished, []
        return found

    def _doctype(self, *_: object) -> None:
        raise NoJunit("it has a DTD, which may expand without limit")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name not in _ROOTS:
            raise NoJunit(f"not JUnit XML: it begins with <{clean_line(name, 40)}>")
        if len(self._path) > 100:
            raise NoJunit("not JUnit XML: its elements are nested too deeply")
        self._path.append(name)
        if name == "testcase":
            classname, called, file = (attributes.get(key, "") for key in ("classname", "name", "file"))
            self._case = _Case(self.parser.CurrentLineNumber, classname, called, file)
        elif name in _RED and self._case is not None:
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
        elif name in _RED or name in _OUTPUT:
            self._text = None
        elif name == "testsuite" and self._suite:
            lines = [line for _, text in self._suite for line in text.lines()]
            self._finished.append(FailedCase("", self.parser.CurrentLineNumber, tuple(lines)))
            self._suite = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.add(text)


def _in_the_margin(kind: str, message: str) -> list[str]:
    """What the attributes say of a failure, as pytest marks what was raised."""
    first, *more = message.strip("\n").split("\n")
    kind = "" if first.startswith(kind) or kind in ("failure", "error") else kind
    said = ": ".join(part for part in (kind, first) if part)
    return [f"E   {line}" for line in (said, *more) if line.strip()] if said else []


def _node(classname: str, name: str, file: str, text: Sequence[str]) -> str:
    """The node id of a pytest test, whose file its failure names; of others class and name."""
    files = [file] if file.endswith(".py") else []
    files += [match["file"] for line in text if (match := _FILE.match(line))]
    for path in files:
        module = path[:-3].replace("/", ".")
        if classname == module or classname.startswith(f"{module}."):
            classes = classname[len(module) + 1 :].split(".") if len(classname) > len(module) else []
            return "::".join((path, *classes, name))
    return "::".join(part for part in (classname, name) if part)
