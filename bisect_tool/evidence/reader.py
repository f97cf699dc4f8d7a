"""Read events from the lines of many processes in many logs."""

from __future__ import annotations

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
from bisect_tool.evidence.traceback import TRACEBACK, Fed, TracebackReader, before_header
from bisect_tool.evidence.traceback_lines import Looks, StackRun, run_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.line import LogLine

RECORDS_KEPT = 1000
"""Records kept of each kind: the first ones, the last ones, and in between those unlike any other."""
_OPEN_RECORDS = 512
_PROCESSES = 10_000
_PREFIX_LIMIT = 160
_LINES_PASSED = 8
"""How many of the skipped lines are searched for time stamps."""
_TRACEBACKS = frozenset({Beginning.TRACEBACK, Beginning.TRACEBACK_BEHIND_TEXT})
_SWEEP, _IDLE = 64, 256
"""How often records are looked at, and after how many lines without one of theirs they are over."""
# One record's lines share a key: source and collector's stream, process (pid, or a role), head of the logger.
_Process = tuple[str, str, int | str]
_Key = tuple[str, str, int | str, str]


def read_events(lines: Iterable[LogLine], known: Patterns = PATTERNS) -> tuple[Event, ...]:
    """Return the events, by time; the lines of one source must come in their order.

    Linear in the number of lines. Memory is bounded by what is kept: three times
    `RECORDS_KEPT` records with at most 60 lines each.
    """
    reader = _Reader(known)
    reader.feed(lines)
    return reader.events()


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
        self._passed: dict[str, deque[LogLine]] = {}
        self._prefixes: dict[str, PrefixLearner] = {}
        self._writers = Writers(known.line_format)
        self._classifier = LineClassifier(known)
        self._looks = Looks(self._classifier)
        self._run: StackRun | None = None
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
        """Take a line that is not of a run."""
        if self._run is not None:
            self._end_run(self._run)
        if not self._open and not self._known.prefilter.matches(line.text):
            self._pass(line)
            return
        if self._passed:
            for before in self._passed.pop(line.source, ()):  # this line may lack a time stamp
                self._see(before)
        classified = self._classified(line)
        learner = self._prefixes.get(line.source) if self._prefixes else None
        if learner is not None and (end := learner.strip(classified.parsed.text)):
            classified = self._without_prefix(line.source, classified, end)
        elif classified.beginning is Beginning.TRACEBACK_BEHIND_TEXT:
            before_it = before_header(classified.parsed.text)
            self._prefixes.setdefault(line.source, PrefixLearner()).offer(before_it)
        if classified.parsed.more:
            for part in _parts(classified.parsed, self._number):
                self._take(line, self._classifier.parsed(part))
            return
        record = self._take(line, classified)
        if record is not None and record.stack is not None:
            begins = learner.begins if learner is not None else ()
            self._run = run_after(line, classified.parsed, record, self._looks, begins)

    def _end_run(self, run: StackRun) -> None:
        run.record.last = self._number - 1
        if run.stamped:
            self._see(run.last)
        self._run = None

    def _see(self, line: LogLine) -> None:
        """Record the time stamp of a line."""
        if stamp := self._classified(line).parsed.stamp:
            self._clock.see(line, stamp)

    def _sweep(self) -> None:
        """Finish the records that nothing has been added to for long."""
        if self._run is not None:
            self._run.record.last = self._number
        for key in [key for key, record in self._open.items() if record.last < self._number - _IDLE]:
            self._finish(key)

    def _pass(self, line: LogLine) -> None:
        """Skip a line, except for its time and the role of its process."""
        passed = self._passed.get(line.source)
        if passed is None:
            passed = self._passed[line.source] = deque(maxlen=_LINES_PASSED)
        passed.append(line if len(line.text) < LINE_LIMIT else line._replace(text=line.text[:LINE_LIMIT]))
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

    def _classified(self, line: LogLine) -> ClassifiedLine:
        classified = self._classifier.line(line.text)
        if self._writers.format is None:
            return classified
        return self._classifier.parsed(self._writers.name(line.source, classified.parsed))

    def _without_prefix(self, source: str, classified: ClassifiedLine, end: int) -> ClassifiedLine:
        """The line without the prefix that was learnt; the header of the traceback has it, too."""
        stripped = self._classifier.parsed(without_prefix(classified.parsed, end, self._known))
        key = source, stripped.stream, stripped.process, stripped.head
        self._move_header((source, classified.parsed.stream), key)
        return stripped

    def _move_header(self, stream: tuple[str, str], key: _Key) -> None:
        """Let a traceback go on under its prefix, which is known since the line after its header."""
        old = self._adopting.get(stream)
        if old is not None and old in self._open and key not in self._open:
            self._open[key] = self._open.pop(old)
            del self._adopting[stream]

    def _take(self, line: LogLine, classified: ClassifiedLine) -> Record | None:
        """Take a classified line, and return the record that it went to."""
        parsed = classified.parsed
        if parsed.stamp:
            self._clock.see(line, parsed.stamp)
        if parsed.pid is not None:
            self._name(line.source, parsed.pid, parsed.role, self._number)
        own = key = line.source, classified.stream, classified.process, classified.head
        record = self._open.get(own)
        if record is None and classified.adoptable:
            key = self._adopter(own, classified)
            record = self._open.get(key)
        if record is not None and not classified.alone and self._continues(key, record, classified):
            return record
        if classified.beginning is Beginning.NOTHING and not self._announced:
            return None
        return self._begin(own, line, classified)

    def _name(self, source: str, pid: int, role: str, number: int) -> None:
        """Keep the last role under which a process was seen, by the number of the line."""
        known = self._roles.get((source, pid))
        if (known is None and len(self._roles) < _PROCESSES) or (known is not None and known[0] <= number):
            self._roles[source, pid] = number, role

    def _adopter(self, own: _Key, classified: ClassifiedLine) -> _Key:
        """Return the key of the record that a line without a writer may continue: the latest traceback's."""
        stream = own[:2]
        if classified.frame and self._adopting.get(stream) not in self._open and stream in self._latest:
            self._adopting[stream] = self._latest[stream]
        return self._adopting.get(stream, own)

    def _continues(self, key: _Key, record: Record, classified: ClassifiedLine) -> bool:
        stack, text = record.stack, classified.parsed.text
        if stack is None:
            if classified.beginning in _TRACEBACKS:
                record.start_traceback(_header(classified))
            elif classified.beginning is Beginning.CRASH:
                record.stack = CrashReader(text)
            record.keep(text)
            return True
        if classified.anew and not classified.head and isinstance(stack, TracebackReader) and stack.is_over:
            self._finish(key)
            return False
        record.last = self._number
        fed = stack.feed(text)
        if fed is Fed.TAKEN:
            record.keep(text)
        elif fed is Fed.CLOSED:
            self._finish(key)
        return fed is Fed.TAKEN

    def _begin(self, key: _Key, line: LogLine, classified: ClassifiedLine) -> Record | None:
        """Begin a record with a line that continues none; None where it is over with it, or none begins."""
        parsed, beginning = classified.parsed, classified.beginning
        announced = self._announced.pop(key[:3], "") if self._announced and not parsed.head else ""
        if beginning is Beginning.NOTHING:
            return None
        if beginning is Beginning.ANNOUNCEMENT:
            self._announce(key[:3], parsed.text)
            return None
        record = self._record(line, parsed, announced)
        if beginning is Beginning.EVENT:
            self._keep(record)
            return None
        self._open_record(key, record)
        if beginning is Beginning.CRASH:
            record.stack = CrashReader(parsed.text)
        elif beginning in _TRACEBACKS:
            record.start_traceback(_header(classified))
        if beginning is not Beginning.TRACEBACK_BEHIND_TEXT:
            return record
        self._adopting[line.source, parsed.stream] = key  # the head of the line is not that of the frames
        return None

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
        """Keep a record; of very many, the first, the last, and those unlike all before."""
        if len(self._first) < RECORDS_KEPT:
            self._first.append(record)
        elif (identity := record.identity()) not in self._seen and len(self._seen) < RECORDS_KEPT:
            self._seen.add(identity)
            self._new.append(record)
        else:
            self._last.append(record)


def _parts(parsed: ParsedLine, number: int) -> Iterator[ParsedLine]:
    """A JSON record's message and the lines of its traceback, under one head."""
    head = f"{parsed.head} {number}"
    yield parsed._replace(head=head, more=())
    for text in parsed.more:
        yield parsed._replace(head=head, text=text, more=())


def _header(classified: ClassifiedLine) -> str:
    """The header of a traceback, without the text before it."""
    return TRACEBACK if classified.beginning is Beginning.TRACEBACK_BEHIND_TEXT else classified.parsed.text
