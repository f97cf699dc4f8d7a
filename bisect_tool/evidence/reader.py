"""From the lines of many processes in many logs to events."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.evidence.clock import Clock, in_order
from bisect_tool.evidence.crash import CrashReader, begins_crash
from bisect_tool.evidence.parsed_line import ParsedLine, parse_line, without_prefix
from bisect_tool.evidence.patterns import PATTERNS, Patterns
from bisect_tool.evidence.prefix import PrefixLearner
from bisect_tool.evidence.record import Draft, Record
from bisect_tool.evidence.traceback import (
    TRACEBACK,
    Fed,
    bare_exception,
    before_header,
    is_frame,
    is_header,
)
from bisect_tool.evidence.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.line import LogLine

EVENTS_KEPT = 4000
_OPEN_RECORDS = 512
_PROCESSES = 10_000
_PREFIX_LIMIT = 160
_BAD = frozenset({"ERROR", "CRITICAL"})
_ANNOUNCEMENT = re.compile(r"Process (?P<role>[\w:-]+):$|Exception ignored in|Exception in thread [^\"]")
_SWEEP, _IDLE = 64, 256
"""How often records are looked at, and after how many lines without one of theirs they are over."""
# One record's lines share a key: source and collector's stream, process (pid, or a role), head of the logger.
_Process = tuple[str, str, int | str]
_Key = tuple[_Process, str]


def read_events(lines: Iterable[LogLine], known: Patterns = PATTERNS) -> tuple[Event, ...]:
    """Return what happened, by time; the lines of one source must come in their order.

    Linear in the number of lines. Memory is bounded by what is kept: the first and the last `EVENTS_KEPT / 2`
    events with at most 60 lines each.
    """
    reader = _Reader(known)
    for line in lines:
        reader.feed(line)
    return reader.events()


class _Reader:
    """The state of one pass: records that are open, drafts of events that are done."""

    def __init__(self, known: Patterns) -> None:
        self._known = known
        self._number = 0
        self._clock = Clock()
        self._written = (0.0, False)
        self._open: OrderedDict[_Key, Record] = OrderedDict()
        self._latest: dict[tuple[str, str], _Key] = {}
        self._adopting: dict[tuple[str, str], _Key] = {}
        self._announced: dict[_Process, str] = {}
        self._roles: dict[tuple[str, int], tuple[int, str]] = {}
        self._named: dict[tuple[str, str], int] = {}
        self._passed: dict[str, LogLine] = {}
        self._prefixes: dict[str, PrefixLearner] = {}
        self._writers = Writers(known.line_format)
        self._first: list[Draft] = []
        self._last: list[Draft] = []

    def feed(self, line: LogLine) -> None:
        self._number += 1
        if not self._open and not self._known.may_tell(line.text):
            self._pass(line)
            return
        before = self._passed.pop(line.source, None)
        if before is not None:  # for its time stamp, which this line may lack
            self._clock.written(before, parse_line(before.text, self._known))
        for parsed in self._parsed(line):
            self._feed(line, parsed)
        if self._number % _SWEEP == 0:
            for key in [key for key, record in self._open.items() if record.last < self._number - _IDLE]:
                self._finish(key)

    def _pass(self, line: LogLine) -> None:
        """Leave a line out, which tells nothing but its time and the role of its process."""
        self._passed[line.source] = line
        at = line.text.rfind("pid=", 0, _PREFIX_LIMIT)
        if at >= 0 and len(self._named) < _PROCESSES:
            self._named[line.source, line.text[: line.text.find(")", at) + 1]] = self._number

    def events(self) -> tuple[Event, ...]:
        for (source, prefix), number in self._named.items():
            parsed = parse_line(prefix, self._known)
            if parsed.pid is not None:
                self._name(source, parsed.pid, parsed.role, number)
        for key in list(self._open):
            self._finish(key)
        drafts = sorted(self._first + self._last, key=lambda draft: draft.order)
        records = [draft.record for draft in drafts]
        written = [each.written[0] for each in records if each.written[1]]
        if not in_order([each.time for each in records], written):
            for record in records:
                record.time = record.written[0]
            drafts.sort(key=lambda draft: draft.order)
        roles = {process: role for process, (_, role) in self._roles.items()}
        return tuple(draft.event(roles) for draft in drafts)

    def _parsed(self, line: LogLine) -> Iterator[ParsedLine]:
        """The line taken apart; a JSON record's traceback follows its message, under the same head."""
        parsed = self._writers.name(line.source, parse_line(line.text, self._known))
        learner = self._prefixes.get(line.source)
        if learner is not None and (end := learner.strip(parsed.text)):
            stripped = without_prefix(parsed, end, self._known)
            self._move_header(_stream(line.source, parsed), _key(line.source, stripped))
            parsed = stripped
        elif before := before_header(parsed.text):
            self._prefixes.setdefault(line.source, PrefixLearner()).offer(before)
        if not parsed.more:
            yield parsed
            return
        head = f"{parsed.head} {self._number}"
        yield replace(parsed, head=head, more=())
        for text in parsed.more:
            yield replace(parsed, head=head, text=text, more=())

    def _move_header(self, stream: tuple[str, str], key: _Key) -> None:
        """Let a traceback go on under its prefix, which is known since the line after its header."""
        old = self._adopting.get(stream)
        if old is not None and old in self._open and key not in self._open:
            self._open[key] = self._open.pop(old)
            del self._adopting[stream]

    def _feed(self, line: LogLine, parsed: ParsedLine) -> None:
        self._written = self._clock.written(line, parsed)
        own = _key(line.source, parsed)
        if parsed.pid is not None:
            self._name(line.source, parsed.pid, parsed.role, self._number)
        key = self._owner(own, parsed)
        record = self._open.get(key)
        if record is None or not self._continues(key, record, parsed):
            self._begin(own, line, parsed)

    def _name(self, source: str, pid: int, role: str, number: int) -> None:
        """Keep the last role under which a process was seen, by the number of the line."""
        known = self._roles.get((source, pid))
        if (known is None and len(self._roles) < _PROCESSES) or (known is not None and known[0] <= number):
            self._roles[source, pid] = number, role

    def _owner(self, own: _Key, parsed: ParsedLine) -> _Key:
        """Return the key of the record a line may continue; frames nobody owns go to the latest traceback."""
        stream, process = own[0][:2], own[0][2]
        if process or parsed.level or own in self._open or is_header(parsed.text):
            return own
        if self._adopting.get(stream) not in self._open and is_frame(parsed.text) and stream in self._latest:
            self._adopting[stream] = self._latest[stream]
        adopting = self._adopting.get(stream)
        return adopting if adopting is not None and adopting in self._open else own

    def _continues(self, key: _Key, record: Record, parsed: ParsedLine) -> bool:
        if parsed.level and not parsed.head:
            return False
        if record.stack is None:
            if is_header(parsed.text) or before_header(parsed.text):
                record.start_traceback(_header(parsed.text))
            record.keep(parsed.text)
            return True
        raised = not parsed.head and getattr(record.stack, "raised", False)
        if raised and _starts_anew(parsed.text, self._known):
            self._finish(key)
            return False
        record.last = self._number
        fed = record.feed(parsed.text)
        if fed is Fed.CLOSED:
            self._finish(key)
        return fed is Fed.TAKEN

    def _begin(self, key: _Key, line: LogLine, parsed: ParsedLine) -> None:
        announced = self._announced.pop(key[0], "") if not parsed.head else ""
        before = before_header(parsed.text)
        record = Record(
            self._number, line.time, self._written, line.source, parsed, self._known, announced, line.number
        )
        if is_header(parsed.text) or before:
            record.start_traceback(_header(parsed.text))
            self._open_record(key, record)
            if before:  # the head of the line does not stand before the frames
                self._adopting[key[0][:2]] = key
        elif begins_crash(parsed.text):
            record.stack = CrashReader(parsed.text)
            self._open_record(key, record)
        elif parsed.head and parsed.level in _BAD:
            self._open_record(key, record)
        elif not parsed.level and _ANNOUNCEMENT.match(parsed.text):
            self._announce(key[0], parsed.text)
        elif _is_event(parsed, self._known):
            self._keep(record.drafts())

    def _open_record(self, key: _Key, record: Record) -> None:
        self._open[key] = record
        if not key[1]:
            self._latest[key[0][:2]] = key
        if len(self._open) > _OPEN_RECORDS:
            self._finish(next(iter(self._open)))

    def _announce(self, process: _Process, text: str) -> None:
        if len(self._announced) >= _OPEN_RECORDS:
            self._announced.clear()
        self._announced[process] = text

    def _finish(self, key: _Key) -> None:
        self._keep(self._open.pop(key).drafts())

    def _keep(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            if len(self._first) < EVENTS_KEPT // 2:
                self._first.append(draft)
                continue
            self._last.append(draft)
            if len(self._last) > EVENTS_KEPT:
                del self._last[: EVENTS_KEPT // 2]


def _key(source: str, parsed: ParsedLine) -> _Key:
    return (*_stream(source, parsed), parsed.role if parsed.pid is None else parsed.pid), parsed.head


def _stream(source: str, parsed: ParsedLine) -> tuple[str, str]:
    return source, f"{parsed.writer} {parsed.rank}".strip()


def _header(text: str) -> str:
    """The header of a traceback, without what stands before it."""
    return TRACEBACK if before_header(text) else text


def _is_event(parsed: ParsedLine, patterns: Patterns) -> bool:
    """Whether one line, no traceback's and no record's, is an event by itself."""
    if not parsed.text or parsed.text[0].isspace():
        return False
    known = patterns.recognise(parsed.text)
    if known is not None:
        return known.pattern.severity != "error" or parsed.level not in {"DEBUG", "INFO"}
    return parsed.level in _BAD or (not parsed.level and bare_exception(parsed.text) is not None)


def _starts_anew(text: str, known: Patterns) -> bool:
    """Whether a plain line after a traceback's last line is an event of its own."""
    if text[:1].isspace():
        return False
    return bool(known.recognise(text) or bare_exception(text) or _ANNOUNCEMENT.match(text))
