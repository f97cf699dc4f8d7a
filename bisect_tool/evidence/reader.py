"""From the lines of many processes in many logs to events."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from bisect_tool.evidence.demux import take_apart
from bisect_tool.evidence.known import recognise
from bisect_tool.evidence.record import Draft, Record
from bisect_tool.evidence.traceback import Fed, TracebackReader, bare_exception, is_frame, is_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.evidence.demux import Utterance
    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.line import LogLine

EVENTS_KEPT = 4000
_OPEN_RECORDS = 512
_PROCESSES = 10_000
_BAD = frozenset({"ERROR", "CRITICAL"})
_ANNOUNCEMENT = re.compile(r"Process (?P<role>[\w-]+):$|Exception ignored in|Exception in thread")

# One record's lines share a key: source, process (pid, or the role of a summary line), head of the logger.
_Key = tuple[str, int | str, str]


def read_events(lines: Iterable[LogLine]) -> tuple[Event, ...]:
    """Return what happened, by time; the lines of one source must come in their order.

    Linear in the number of lines. Memory is bounded by what is kept: the first and the last `EVENTS_KEPT / 2`
    events with at most 60 lines each.
    """
    reader = _Reader()
    for line in lines:
        reader.feed(line)
    return reader.events()


class _Reader:
    """The state of one pass: records that are open, drafts of events that are done."""

    def __init__(self) -> None:
        self._number = 0
        self._open: OrderedDict[_Key, Record] = OrderedDict()
        self._latest: dict[str, _Key] = {}
        self._adopting: dict[str, _Key] = {}
        self._announced: dict[tuple[str, int | str], str] = {}
        self._roles: dict[tuple[str, int], str] = {}
        self._first: list[Draft] = []
        self._last: list[Draft] = []

    def feed(self, line: LogLine) -> None:
        self._number += 1
        said = take_apart(line.text)
        own = (line.source, said.role if said.pid is None else said.pid, said.head)
        if said.pid is not None and (len(self._roles) < _PROCESSES or own[:2] in self._roles):
            self._roles[line.source, said.pid] = said.role
        key = self._owner(own, said)
        record = self._open.get(key)
        if record is None or not self._continues(key, record, said):
            self._begin(own, line, said)

    def events(self) -> tuple[Event, ...]:
        for key in list(self._open):
            self._finish(key)
        drafts = sorted(self._first + self._last, key=lambda draft: draft.order)
        return tuple(draft.event(self._roles) for draft in drafts)

    def _owner(self, own: _Key, said: Utterance) -> _Key:
        """Return the key of the record a line may continue; frames nobody owns go to the latest traceback."""
        source, process, _ = own
        if process or said.level or own in self._open or is_header(said.text):
            return own
        if self._adopting.get(source) not in self._open and is_frame(said.text) and source in self._latest:
            self._adopting[source] = self._latest[source]
        adopting = self._adopting.get(source)
        return adopting if adopting is not None and adopting in self._open else own

    def _continues(self, key: _Key, record: Record, said: Utterance) -> bool:
        if said.level and not said.head:
            return False
        if record.traceback is None:
            if is_header(said.text):
                record.traceback = TracebackReader()
                record.traceback.feed(said.text)
            record.keep(said.text)
            return True
        if not said.head and record.traceback.raised and _starts_anew(said.text):
            self._finish(key)
            return False
        fed = record.traceback.feed(said.text)
        if fed is Fed.TAKEN:
            record.keep(said.text)
            return True
        if fed is Fed.CLOSED:
            self._finish(key)
        return False

    def _begin(self, key: _Key, line: LogLine, said: Utterance) -> None:
        announced = self._announced.pop(key[:2], "") if not said.head else ""
        if is_header(said.text):
            record = Record(self._number, line.time, line.source, said, announced)
            record.start_traceback()
            self._open_record(key, record)
        elif said.head and said.level in _BAD:
            self._open_record(key, Record(self._number, line.time, line.source, said))
        elif _is_event(said):
            self._keep(Record(self._number, line.time, line.source, said).drafts())
        elif not said.level and _ANNOUNCEMENT.match(said.text):
            self._announce(key[:2], said.text)

    def _open_record(self, key: _Key, record: Record) -> None:
        self._open[key] = record
        if not key[2]:
            self._latest[key[0]] = key
        if len(self._open) > _OPEN_RECORDS:
            self._finish(next(iter(self._open)))

    def _announce(self, process: tuple[str, int | str], text: str) -> None:
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


def _is_event(said: Utterance) -> bool:
    """Whether one line, no traceback's and no record's, is an event by itself."""
    known = recognise(said.text)
    if known is not None and not said.text[:1].isspace():
        return known.severity != "error" or said.level not in {"DEBUG", "INFO"}
    return said.level in _BAD or (not said.level and bare_exception(said.text) is not None)


def _starts_anew(text: str) -> bool:
    """Whether a plain line after a traceback's last line is an event of its own."""
    return bool(recognise(text) or bare_exception(text) or _ANNOUNCEMENT.match(text))
