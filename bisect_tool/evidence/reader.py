"""Read events from log lines of many processes in many logs."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from bisect_tool.evidence.classified_line import Beginning, ClassifiedLine, LineClassifier
from bisect_tool.evidence.clock import Clock, in_order
from bisect_tool.evidence.continuation_lines import Writers
from bisect_tool.evidence.crash import CrashReader
from bisect_tool.evidence.log_record import Record
from bisect_tool.evidence.parsed_line import LINE_LIMIT, ParsedLine, parse_line, without_prefix
from bisect_tool.evidence.patterns import PATTERNS, Patterns
from bisect_tool.evidence.prefix import PrefixLearner
from bisect_tool.evidence.traceback import TRACEBACK, FeedResult, TracebackReader, before_header, last_line
from bisect_tool.evidence.traceback_lines import StackRun, TextClassifier, start_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.line import LogLine

RECORDS_KEPT = 1000
"""Limit of kept records for each of: the first ones, the last ones, and dissimilar ones in between."""
_OPEN_RECORDS = 512
_PROCESSES = 10_000
_PREFIX_LIMIT = 160
_SKIPPED_KEPT = 8
"""Skipped lines that are searched for time stamps."""
_TRACEBACKS = frozenset({Beginning.TRACEBACK, Beginning.TRACEBACK_AFTER_TEXT})
_ERRORS = frozenset({"ERROR", "CRITICAL"})
_BELOW_ERROR = frozenset({"DEBUG", "INFO", "WARNING"})
_TROUBLE = re.compile(
    r"\b(?:fail\w*|could not|couldn't|cannot|can't|unable|not (?:found|available|installed|supported)"
    r"|fall\w* ?back|disabl\w*|skip\w*|ignor\w*|retry\w*|errors?|exceptions?)\b",
    re.IGNORECASE,
)
"""What the message of a warning says that is logged with the traceback of an exception."""
_SWEEP, _IDLE = 64, 256
"""Every `_SWEEP` lines, records that got none of the last `_IDLE` lines are finished."""
# The lines of a record share a key: source, collector's stream, process (pid or role), head of the logger.
_Process = tuple[str, str, int | str]
_Key = tuple[str, str, int | str, str]


def read_events(lines: Iterable[LogLine], known: Patterns = PATTERNS) -> tuple[Event, ...]:
    """Return the events, by time; the lines of one source must come in order.

    Takes linear time. Memory is bounded: at most three times `RECORDS_KEPT` records are kept, with at most 60
    lines each.
    """
    reader = _Reader(known)
    reader.feed(lines)
    return reader.events()


class _Reader:
    """The state of one pass: open and finished records."""

    def __init__(self, known: Patterns) -> None:
        self._known = known
        self._number = 0
        self._clock = Clock()
        self._open: OrderedDict[_Key, Record] = OrderedDict()
        self._latest: dict[tuple[str, str], _Key] = {}
        self._adopting: dict[tuple[str, str], _Key] = {}
        self._announced: dict[_Process, str] = {}
        self._roles: dict[tuple[str, int], tuple[int, str]] = {}
        self._named_prefixes: dict[tuple[str, str], int] = {}
        self._skipped: dict[str, deque[LogLine]] = {}
        self._prefixes: dict[str, PrefixLearner] = {}
        self._writers = Writers(known.line_format)
        self._classifier = LineClassifier(known)
        self._texts = TextClassifier(self._classifier)
        self._run: StackRun | None = None
        self._before: tuple[str, ClassifiedLine] | None = None
        self._last_event: Record | None = None
        self._first: list[Record] = []
        self._new: list[Record] = []
        self._last: deque[Record] = deque(maxlen=RECORDS_KEPT)
        self._seen: set[int] = set()

    def feed(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            self._number += 1
            run = self._run
            if run is None or not run.take(line):
                self._feed(line)
            if not self._number % _SWEEP:
                self._sweep()

    def _feed(self, line: LogLine) -> None:
        """Read a line that is not part of a run."""
        if self._run is not None:
            self._end_run(self._run)
        if not self._open and not self._known.prefilter.matches(line.text):
            self._skip(line)
            return
        if self._skipped:
            for before in self._skipped.pop(line.source, ()):  # this line may lack a time stamp
                self._observe_stamp(before)
        classified = self._classified(line)
        learner = self._prefixes.get(line.source) if self._prefixes else None
        if learner is not None and (end := learner.prefix_length(classified.parsed.text)):
            classified = self._without_prefix(line.source, classified, end)
        elif classified.beginning is Beginning.TRACEBACK_AFTER_TEXT:
            before_it = before_header(classified.parsed.text)
            self._prefixes.setdefault(line.source, PrefixLearner()).propose(before_it)
        if classified.parsed.more:
            for part in _json_lines(classified.parsed, self._number):
                self._process(line, self._classifier.parsed(part))
            return
        record = self._process(line, classified)
        self._before = line.source, classified
        if record is not None and record.stack is not None:
            first_characters = learner.first_characters if learner is not None else ()
            self._run = start_run(line, classified.parsed, record, self._texts, first_characters)

    def _end_run(self, run: StackRun) -> None:
        run.record.last = self._number - 1
        if run.stamped:
            self._observe_stamp(run.last)
        self._run = None

    def _observe_stamp(self, line: LogLine) -> None:
        """Record the time stamp of a line."""
        classified = self._classified(line)
        self._before = line.source, classified
        if stamp := classified.parsed.stamp:
            self._clock.observe(line, stamp)

    def _sweep(self) -> None:
        """Finish the records to which no line has been added for long."""
        if self._run is not None:
            self._run.record.last = self._number
        for key in [key for key, record in self._open.items() if record.last < self._number - _IDLE]:
            self._finish(key)

    def _skip(self, line: LogLine) -> None:
        """Skip a line, but keep it for its time stamp, and its prefix for the role of its process."""
        skipped = self._skipped.get(line.source)
        if skipped is None:
            skipped = self._skipped[line.source] = deque(maxlen=_SKIPPED_KEPT)
        skipped.append(line if len(line.text) < LINE_LIMIT else line._replace(text=line.text[:LINE_LIMIT]))
        at = line.text.rfind("pid=", 0, _PREFIX_LIMIT)
        if at >= 0 and len(self._named_prefixes) < _PROCESSES:
            self._named_prefixes[line.source, line.text[: line.text.find(")", at) + 1]] = self._number

    def events(self) -> tuple[Event, ...]:
        for (source, prefix), number in self._named_prefixes.items():
            parsed = parse_line(prefix, self._known)
            if parsed.pid is not None:
                self._record_role(source, parsed.pid, parsed.role, number)
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

    def _classified(self, line: LogLine) -> ClassifiedLine:
        classified = self._classifier.line(line.text)
        if self._writers.format is None:
            return classified
        return self._classifier.parsed(self._writers.attribute(line.source, classified.parsed))

    def _without_prefix(self, source: str, classified: ClassifiedLine, end: int) -> ClassifiedLine:
        """Return the line without a learnt prefix, and let the traceback continue under the new key."""
        stripped = self._classifier.parsed(without_prefix(classified.parsed, end, self._known))
        key = source, stripped.stream, stripped.process, stripped.head
        self._move_header((source, classified.parsed.stream), key)
        return stripped

    def _move_header(self, stream: tuple[str, str], key: _Key) -> None:
        """Let a traceback continue under the key of its prefix, which becomes known after its header."""
        old = self._adopting.get(stream)
        if old is not None and old in self._open and key not in self._open:
            self._open[key] = self._open.pop(old)
            del self._adopting[stream]

    def _process(self, line: LogLine, classified: ClassifiedLine) -> Record | None:
        """Add a classified line to a record, and return that; None if the line is in no open record."""
        parsed = classified.parsed
        if parsed.stamp:
            self._clock.observe(line, parsed.stamp)
        if parsed.pid is not None:
            self._record_role(line.source, parsed.pid, parsed.role, self._number)
        own = key = line.source, classified.stream, classified.process, classified.head
        record = self._open.get(own)
        if record is None and classified.is_adoptable:
            key = self._adopter(own, classified)
            record = self._open.get(key)
        if (
            record is not None
            and (not classified.starts_record or _is_code(record, classified))
            and self._continues(key, record, classified)
        ):
            return record
        if classified.beginning is Beginning.NOTHING and not self._announced:
            return None
        return self._begin(own, line, classified)

    def _has_raised(self, key: _Key) -> bool:
        """Whether the exception of the traceback with this key has been read."""
        record = self._open.get(key)
        return record is not None and isinstance(record.stack, TracebackReader) and record.stack.raised

    def _record_role(self, source: str, pid: int, role: str, number: int) -> None:
        """Record the role of a process, unless a later line has named another one."""
        known = self._roles.get((source, pid))
        if (known is None and len(self._roles) < _PROCESSES) or (known is not None and known[0] <= number):
            self._roles[source, pid] = number, role

    def _adopter(self, own: _Key, classified: ClassifiedLine) -> _Key:
        """Return the key of the record that a line without a writer may continue: the latest traceback."""
        stream = own[:2]
        if classified.is_frame and self._adopting.get(stream) not in self._open:
            latest = self._tagged_header(own) or self._latest.get(stream)
            if latest is not None:
                self._adopting[stream] = latest
        return self._adopting.get(stream, own)

    def _tagged_header(self, own: _Key) -> _Key | None:
        """Return the key of a header in the line before, if only that line has the tag of its writer."""
        if self._before is None or own[1] or self._before[0] != own[0]:
            return None
        _, before = self._before
        key = own[0], before.stream, before.process, before.head
        record = self._open.get(key)
        is_header = record is not None and record.number == self._number - 1
        return key if is_header and before.stream and before.beginning is Beginning.TRACEBACK else None

    def _continues(self, key: _Key, record: Record, classified: ClassifiedLine) -> bool:
        stack, text = record.stack, classified.parsed.text
        if classified.starts_record:
            text = f"    {text}"  # a line of code, which lost its indentation
        if stack is None:
            if classified.beginning in _TRACEBACKS:
                record.start_traceback(_header(classified))
            elif classified.beginning is Beginning.CRASH:
                record.stack = CrashReader(text)
            record.keep(text)
            return True
        apart = self._number > record.last + 1
        if _ends(stack, classified) if isinstance(stack, TracebackReader) else stack.is_list and apart:
            self._finish(key)
            return False
        record.last = self._number
        fed = stack.feed(text)
        if fed is FeedResult.TAKEN:
            record.keep(text)
            record.forwarded |= classified.parsed.forwarded
        elif fed is FeedResult.CLOSED:
            self._finish(key)
        return fed is FeedResult.TAKEN

    def _begin(self, key: _Key, line: LogLine, classified: ClassifiedLine) -> Record | None:
        """Begin a record with a line; None if the record has only this line, or the line begins none."""
        parsed, beginning = classified.parsed, classified.beginning
        announced = self._announced.pop(key[:3], "") if self._announced and not parsed.head else ""
        if beginning is Beginning.NOTHING:
            return None
        if beginning is Beginning.ANNOUNCEMENT:
            self._announce(key[:3], parsed.text)
            return None
        record = self._record(line, parsed, announced)
        record.handled = beginning is Beginning.TRACEBACK and self._is_of_a_warning(line, classified)
        if beginning is Beginning.EVENT:
            self._last_event = record
            self._keep(record)
            return None
        if beginning is Beginning.TRACEBACK and self._last_event and _is_below(record, self._last_event):
            self._last_event.announces = record
        self._open_record(key, record)
        if beginning is Beginning.CRASH:
            record.stack = CrashReader(parsed.text)
        elif beginning in _TRACEBACKS:
            record.start_traceback(_header(classified))
        if beginning is not Beginning.TRACEBACK_AFTER_TEXT:
            return record
        self._adopting[line.source, parsed.stream] = key  # the frames do not have the head of this line
        plain = (line.source, parsed.stream, *key[2:])
        if plain != key and self._has_raised(plain):
            self._finish(plain)
        return None

    def _is_of_a_warning(self, line: LogLine, classified: ClassifiedLine) -> bool:
        """Whether a traceback without a head was logged with the warning in the line before it."""
        if classified.parsed.level or self._before is None:
            return False
        source, before = self._before
        same = source == line.source and before.stream == classified.stream
        unnamed = not classified.process and before.parsed.pid is None
        return (
            same
            and (unnamed or before.process == classified.process)
            and before.parsed.level in _BELOW_ERROR
            and _TROUBLE.search(before.parsed.text) is not None
        )

    def _record(self, line: LogLine, parsed: ParsedLine, announced: str) -> Record:
        written = self._clock.written(line, parsed.stamp)
        return Record(
            self._number, line.time, written, line.source, parsed, self._known, announced, line.number
        )

    def _open_record(self, key: _Key, record: Record) -> None:
        if key in self._open:
            self._finish(key)
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
        """Keep a record; of very many, the first, the last, and dissimilar ones are kept."""
        if len(self._first) < RECORDS_KEPT:
            self._first.append(record)
        elif (key := record.similarity_key()) not in self._seen and len(self._seen) < RECORDS_KEPT:
            self._seen.add(key)
            self._new.append(record)
        else:
            self._last.append(record)


def _is_below(record: Record, event: Record) -> bool:
    """Whether a traceback without a head is directly below a logged error of the same stream."""
    same = (record.source, record.line.stream) == (event.source, event.line.stream)
    return (
        same and record.number == event.number + 1 and not record.line.level and event.line.level in _ERRORS
    )


def _is_code(record: Record, classified: ClassifiedLine) -> bool:
    """Whether a line is code in a stack that a program logged line by line as errors."""
    parsed = classified.parsed
    return (
        isinstance(record.stack, TracebackReader)
        and record.stack.takes_frames
        and parsed.level == record.line.level
        and parsed.level in _ERRORS
        and classified.beginning not in _TRACEBACKS
        and last_line(parsed.text) is None
    )


def _ends(stack: TracebackReader, classified: ClassifiedLine) -> bool:
    """Whether a line is not part of a traceback whose exception has been read."""
    if classified.beginning is Beginning.TRACEBACK_AFTER_TEXT:
        return stack.raised
    return stack.is_over and classified.ends_traceback and not classified.head


def _json_lines(parsed: ParsedLine, number: int) -> Iterator[ParsedLine]:
    """Yield a JSON record's message and the lines of its traceback, with the same head."""
    head = f"{parsed.head} {number}"
    yield parsed._replace(head=head, more=())
    for text in parsed.more:
        yield parsed._replace(head=head, text=text, more=())


def _header(classified: ClassifiedLine) -> str:
    """Return the header of a traceback, without the text before it."""
    return TRACEBACK if classified.beginning is Beginning.TRACEBACK_AFTER_TEXT else classified.parsed.text
