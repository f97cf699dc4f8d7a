"""Classify parsed lines for the reader: what each can begin or continue."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.evidence.crash import begins_crash
from bisect_tool.evidence.parsed_line import ParsedLine, parse_line, without_prefix
from bisect_tool.evidence.traceback import Mark, bare_exception, before_header, mark_of

if TYPE_CHECKING:
    from bisect_tool.evidence.patterns import Patterns

_BAD = frozenset({"ERROR", "CRITICAL"})
_ANNOUNCEMENT = re.compile(r"Process (?P<role>[\w:-]+):$|Exception ignored in|Exception in thread [^\"]")
# pip indents what a build printed; Dart indents what it does not compile.
_OF_A_BUILD = re.compile(
    r" +(?:\S+:\d+:\d+: (?:fatal )?[Ee]rror: |error [-\u2022] "
    r"|CMake Error(?: at |:)|(?:= note: )?[\w./-]*ld[\w.-]*: error: )"
)
_CACHE_SIZE, _LONG = 8192, 1000


class Beginning(Enum):
    """What a line begins if it does not continue a record."""

    NOTHING = auto()
    TRACEBACK = auto()
    TRACEBACK_AFTER_TEXT = auto()
    CRASH = auto()
    LOGGED_RECORD = auto()
    ANNOUNCEMENT = auto()
    EVENT = auto()


class ClassifiedLine(NamedTuple):
    """A parsed line and its classification.

    Attributes:
        stream: its stream, of those in its log.
        process: the pid, else the role; empty if the line names neither.
        beginning: what it begins, unless it continues a record.
        is_frame: whether it is a stack frame.
        ends_traceback: whether it ends a traceback whose exception has been read.
        starts_record: whether its head is one that only the first line of a record has.
        is_adoptable: whether it may continue another writer's traceback, because it names no writer.
    """

    parsed: ParsedLine
    stream: str
    process: int | str
    head: str
    beginning: Beginning
    is_frame: bool
    ends_traceback: bool
    starts_record: bool
    is_adoptable: bool


class LineClassifier:
    """Classifies lines; caches the results for recent ones."""

    def __init__(self, known: Patterns) -> None:
        self._known = known
        self._lines: dict[str, ClassifiedLine] = {}
        self._starts: dict[tuple[str, str, bool], tuple[Beginning, Mark, bool]] = {}

    def line(self, text: str) -> ClassifiedLine:
        """Parse and classify a raw line."""
        if len(text) >= _LONG:
            return self.parsed(parse_line(text, self._known))
        classified = self._lines.get(text)
        if classified is None:
            if len(self._lines) >= _CACHE_SIZE:
                self._lines.clear()
            classified = self._lines[text] = self.parsed(parse_line(text, self._known))
        return classified

    def parsed(self, parsed: ParsedLine) -> ClassifiedLine:
        """Classify a parsed line."""
        process = parsed.role if parsed.pid is None else parsed.pid
        key = parsed.text, parsed.level, bool(parsed.head)
        start = self._starts.get(key)
        if start is None:
            if len(self._starts) >= _CACHE_SIZE:
                self._starts.clear()
            start = self._starts[key] = self._classify_text(parsed)
        beginning, mark, ends_traceback = start
        stream = parsed.stream
        if mark is Mark.HEADER_AFTER_TEXT and not process and not parsed.head:  # after its writer's name
            stream = without_prefix(parsed, len(before_header(parsed.text)), self._known).stream
        return ClassifiedLine(
            parsed,
            stream,
            process,
            parsed.head,
            beginning,
            mark is Mark.FRAME,
            ends_traceback,
            bool(parsed.level) and not parsed.head,
            not process and not parsed.level and mark is not Mark.HEADER,
        )

    def _classify_text(self, parsed: ParsedLine) -> tuple[Beginning, Mark, bool]:
        """Classify a line by its text, level and head only."""
        mark = mark_of(parsed.text)
        return self._beginning(parsed, mark), mark, self._is_new_event(parsed.text)

    def _beginning(self, parsed: ParsedLine, mark: Mark) -> Beginning:
        if mark is Mark.HEADER:
            return Beginning.TRACEBACK
        if mark is Mark.HEADER_AFTER_TEXT:
            return Beginning.TRACEBACK_AFTER_TEXT
        if begins_crash(parsed.text):
            return Beginning.CRASH
        if parsed.head and parsed.level in _BAD:
            return Beginning.LOGGED_RECORD
        if not parsed.level and _ANNOUNCEMENT.match(parsed.text):
            return Beginning.ANNOUNCEMENT
        return Beginning.EVENT if self._is_event(parsed) else Beginning.NOTHING

    def _is_event(self, parsed: ParsedLine) -> bool:
        """Whether a line outside of tracebacks and records is an event."""
        if not parsed.text or parsed.text[0].isspace():
            return _OF_A_BUILD.match(parsed.text) is not None
        known = self._known.recognise(parsed.text)
        if known is not None:
            return known.pattern.severity != "error" or parsed.level not in {"DEBUG", "INFO"}
        return parsed.level in _BAD or (not parsed.level and bare_exception(parsed.text) is not None)

    def _is_new_event(self, text: str) -> bool:
        """Whether a plain line after the last line of a traceback is a new event."""
        if not text or text[0].isspace():
            return False
        return bool(self._known.recognise(text) or bare_exception(text) or _ANNOUNCEMENT.match(text))
