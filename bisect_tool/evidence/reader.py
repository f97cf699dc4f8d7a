"""From the lines of many processes in many logs to events."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.evidence.clock import Clock, in_order
from bisect_tool.evidence.crash import CrashReader, begins_crash
from bisect_tool.evidence.parsed_line import ParsedLine, parse_line, without_prefix
from bisect_tool.evidence.patterns import PATTERNS, Patterns
from bisect_tool.evidence.prefix import PrefixLearner
from bisect_tool.evidence.record import Record
from bisect_tool.evidence.stack_run import StackRun, run_after
from bisect_tool.evidence.traceback import (
    TRACEBACK,
    Fed,
    Mark,
    bare_exception,
    before_header,
    mark_of,
)
from bisect_tool.evidence.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.line import LogLine

RECORDS_KEPT = 1000
"""Records kept of each kind: the first ones, the last ones, and in between those unlike any other."""
_OPEN_RECORDS = 512
_PROCESSES = 10_000
_LINES_KNOWN = 8192
_PREFIX_LIMIT = 160
_BAD = frozenset({"ERROR", "CRITICAL"})
_HEADERS = frozenset({Mark.HEADER, Mark.HEADER_BEHIND_TEXT})
_ANNOUNCEMENT = re.compile(r"Process (?P<role>[\w:-]+):$|Exception ignored in|Exception in thread [^\"]")
_SWEEP, _IDLE = 64, 256
"""How often records are looked at, and after how many lines without one of theirs they are over."""
# One record's lines share a key: source and collector's stream, process (pid, or a role), head of the logger.
_Process = tuple[str, str, int | str]
_Key = tuple[str, str, int | str, str]


def read_events(lines: Iterable[LogLine], known: Patterns = PATTERNS) -> tuple[Event, ...]:
    """Return what happened, by time; the lines of one source must come in their order.

    Linear in the number of lines. Memory is bounded by what is kept: three times
    `RECORDS_KEPT` records with at most 60 lines each.
    """
    reader = _Reader(known)
    for line in lines:
        reader.feed(line)
    return reader.events()


class _Apart(NamedTuple):
    """A line taken apart, and what else is asked of it again and again."""

    parsed: ParsedLine
    stream: str
    process: int | str
    mark: Mark


class _Reader:
    """The state of one pass: records that are open, and those that are done."""

    def __init__(self, known: Patterns) -> None:
        self._known = known
        self._number = 0
        self._clock = Clock()
        self._open: OrderedDict[_Key, Record] = OrderedDict()
        self._latest: dict[tuple[str, str], _Key] = {}
        self._adopting: dict[tuple[str, str], _Key] = {}
        self._announced: dict[_Process, str] = {}
        self._roles: dict[tuple[str, int], tuple[int, str]] = {}
        self._named: dict[tuple[str, str], int] = {}
        self._passed: dict[str, LogLine] = {}
        self._prefixes: dict[str, PrefixLearner] = {}
        self._writers = Writers(known.line_format)
        self._aparts: dict[str, _Apart] = {}
        self._run: StackRun | None = None
        self._first: list[Record] = []
        self._new: list[Record] = []
        self._last: deque[Record] = deque(maxlen=RECORDS_KEPT)
        self._seen: set[int] = set()

    def feed(self, line: LogLine) -> None:
        self._number += 1
        if self._run is None or not self._run.take(line):
            self._feed_alone(line)
        if not self._number % _SWEEP:
            self._sweep()

    def _feed_alone(self, line: LogLine) -> None:
        """Take a line that is not of a run."""
        if self._run is not None:
            self._run.record.last = self._number - 1
            self._run = None
        if not self._open and not self._known.may_tell(line.text):
            self._pass(line)
            return
        if self._passed and (before := self._passed.pop(line.source, None)) is not None:
            self._clock.see(before, self._apart(before).parsed.stamp)  # this line may lack one
        apart = self._apart(line)
        learner = self._prefixes.get(line.source) if self._prefixes else None
        if learner is not None and (end := learner.strip(apart.parsed.text)):
            apart = self._without_prefix(line.source, apart, end)
        elif apart.mark is Mark.HEADER_BEHIND_TEXT:
            before_it = before_header(apart.parsed.text)
            self._prefixes.setdefault(line.source, PrefixLearner()).offer(before_it)
        if apart.parsed.more:
            for part in _parts(apart.parsed, self._number):
                self._feed(line, _apart(part))
        elif (record := self._feed(line, apart)) is not None and (learner is None or not learner.indented):
            self._run = run_after(line, apart.parsed, record)

    def _sweep(self) -> None:
        """Finish the records that nothing has been added to for long."""
        if self._run is not None:
            self._run.record.last = self._number
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
        kept = (*self._first, *self._new, *self._last)
        drafts = [draft for record in kept for draft in record.drafts()]
        drafts.sort(key=lambda draft: draft.order)
        records = [draft.record for draft in drafts]
        written = [each.written[0] for each in records if each.written[1]]
        if not in_order([each.time for each in records], written):
            for record in records:
                record.time = record.written[0]
            drafts.sort(key=lambda draft: draft.order)
        roles = {process: role for process, (_, role) in self._roles.items()}
        return tuple(draft.event(roles) for draft in drafts)

    def _apart(self, line: LogLine) -> _Apart:
        apart = self._aparts.get(line.text)
        if apart is None:
            if len(self._aparts) >= _LINES_KNOWN:
                self._aparts.clear()
            apart = self._aparts[line.text] = _apart(parse_line(line.text, self._known))
        return (
            apart if self._writers.format is None else _apart(self._writers.name(line.source, apart.parsed))
        )

    def _without_prefix(self, source: str, apart: _Apart, end: int) -> _Apart:
        """The line without the prefix that was learnt; it stood before the traceback's header, too."""
        stripped = _apart(without_prefix(apart.parsed, end, self._known))
        self._move_header((source, apart.stream), _key(source, stripped))
        return stripped

    def _move_header(self, stream: tuple[str, str], key: _Key) -> None:
        """Let a traceback go on under its prefix, which is known since the line after its header."""
        old = self._adopting.get(stream)
        if old is not None and old in self._open and key not in self._open:
            self._open[key] = self._open.pop(old)
            del self._adopting[stream]

    def _feed(self, line: LogLine, apart: _Apart) -> Record | None:
        """Take a line, and return the record that it went to."""
        parsed = apart.parsed
        if parsed.stamp:
            self._clock.see(line, parsed.stamp)
        own = _key(line.source, apart)
        if parsed.pid is not None:
            self._name(line.source, parsed.pid, parsed.role, self._number)
        key, record = own, self._open.get(own)
        if record is None and not apart.process and not parsed.level and apart.mark is not Mark.HEADER:
            key = self._adopter(own, apart.mark)
            record = self._open.get(key)
        if record is None or not self._continues(key, record, apart):
            return self._begin(own, line, apart)
        return record

    def _name(self, source: str, pid: int, role: str, number: int) -> None:
        """Keep the last role under which a process was seen, by the number of the line."""
        known = self._roles.get((source, pid))
        if (known is None and len(self._roles) < _PROCESSES) or (known is not None and known[0] <= number):
            self._roles[source, pid] = number, role

    def _adopter(self, own: _Key, mark: Mark) -> _Key:
        """Return the key of the record that a line without a writer may continue: the latest traceback's."""
        stream = own[:2]
        if mark is Mark.FRAME and self._adopting.get(stream) not in self._open and stream in self._latest:
            self._adopting[stream] = self._latest[stream]
        return self._adopting.get(stream, own)

    def _continues(self, key: _Key, record: Record, apart: _Apart) -> bool:
        parsed = apart.parsed
        if parsed.level and not parsed.head:
            return False
        if record.stack is None:
            if apart.mark in _HEADERS:
                record.start_traceback(_header(apart))
            record.keep(parsed.text)
            return True
        raised = not parsed.head and getattr(record.stack, "raised", False)
        if raised and self._starts_anew(parsed.text):
            self._finish(key)
            return False
        record.last = self._number
        fed = record.feed(parsed.text)
        if fed is Fed.CLOSED:
            self._finish(key)
        return fed is Fed.TAKEN

    def _starts_anew(self, text: str) -> bool:
        """Whether a plain line after a traceback's last line is an event of its own."""
        if not text or text[0].isspace():
            return False
        return bool(self._known.recognise(text) or bare_exception(text) or _ANNOUNCEMENT.match(text))

    def _begin(self, key: _Key, line: LogLine, apart: _Apart) -> Record | None:
        """Begin a record with a line that continues none; None where it is over with it, or none begins."""
        parsed = apart.parsed
        announced = self._announced.pop(key[:3], "") if self._announced and not parsed.head else ""
        if apart.mark in _HEADERS:
            record = self._record(line, parsed, announced)
            record.start_traceback(_header(apart))
            self._open_record(key, record)
            if apart.mark is Mark.HEADER:
                return record
            self._adopting[key[:2]] = key  # the head of the line does not stand before the frames
        elif begins_crash(parsed.text):
            record = self._record(line, parsed, announced)
            record.stack = CrashReader(parsed.text)
            self._open_record(key, record)
        elif parsed.head and parsed.level in _BAD:
            self._open_record(key, self._record(line, parsed, announced))
        elif not parsed.level and _ANNOUNCEMENT.match(parsed.text):
            self._announce(key[:3], parsed.text)
        elif _is_event(parsed, self._known):
            self._keep(self._record(line, parsed, announced))
        return None

    def _record(self, line: LogLine, parsed: ParsedLine, announced: str) -> Record:
        written = self._clock.written(line, parsed.stamp)
        return Record(
            self._number, line.time, written, line.source, parsed, self._known, announced, line.number
        )

    def _open_record(self, key: _Key, record: Record) -> None:
        self._open[key] = record
        if not key[3]:
            self._latest[key[:2]] = key
        if len(self._open) > _OPEN_RECORDS:
            self._finish(next(iter(self._open)))

    def _announce(self, process: _Process, text: str) -> None:
        if len(self._announced) >= _OPEN_RECORDS:
            self._announced.clear()
        self._announced[process] = text

    def _finish(self, key: _Key) -> None:
        self._keep(self._open.pop(key))

    def _keep(self, record: Record) -> None:
        """Keep a record; of very many the first ones, the last ones, and those unlike all before."""
        if len(self._first) < RECORDS_KEPT:
            self._first.append(record)
        elif (identity := record.identity()) not in self._seen and len(self._seen) < RECORDS_KEPT:
            self._seen.add(identity)
            self._new.append(record)
        else:
            self._last.append(record)


def _apart(parsed: ParsedLine) -> _Apart:
    process = parsed.role if parsed.pid is None else parsed.pid
    return _Apart(parsed, parsed.stream, process, mark_of(parsed.text))


def _key(source: str, apart: _Apart) -> _Key:
    return source, apart.stream, apart.process, apart.parsed.head


def _parts(parsed: ParsedLine, number: int) -> Iterator[ParsedLine]:
    """A JSON record's message and the lines of its traceback, under one head."""
    head = f"{parsed.head} {number}"
    yield replace(parsed, head=head, more=())
    for text in parsed.more:
        yield replace(parsed, head=head, text=text, more=())


def _header(apart: _Apart) -> str:
    """The header of a traceback, without what stands before it."""
    return TRACEBACK if apart.mark is Mark.HEADER_BEHIND_TEXT else apart.parsed.text


def _is_event(parsed: ParsedLine, patterns: Patterns) -> bool:
    """Whether one line, no traceback's and no record's, is an event by itself."""
    if not parsed.text or parsed.text[0].isspace():
        return False
    known = patterns.recognise(parsed.text)
    if known is not None:
        return known.pattern.severity != "error" or parsed.level not in {"DEBUG", "INFO"}
    return parsed.level in _BAD or (not parsed.level and bare_exception(parsed.text) is not None)
