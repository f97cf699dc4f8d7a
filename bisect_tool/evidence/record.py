"""The lines of one process that belong together, and the events drafted from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.evidence.demux import LAUNCHER, TEST
from bisect_tool.evidence.event import Event
from bisect_tool.evidence.known import recognise
from bisect_tool.evidence.traceback import Link, TracebackReader, bare_exception
from bisect_tool.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.evidence.demux import Utterance
    from bisect_tool.evidence.event import Severity

SUITE = "suite"
_MESSAGE_LIMIT = 500
_LINES_HEAD, _LINES_TAIL = 20, 40
_PROCESS = re.compile(r"Process (?P<role>[A-Za-z]\w*?(?:_\w+)?):$")


@dataclass(slots=True)
class Record:
    """One logged record, one plain traceback, or one plain line; `announced` is the line before it."""

    number: int
    time: float
    source: str
    said: Utterance
    announced: str = ""
    traceback: TracebackReader | None = None
    head: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.announced:
            self.keep(self.announced)
        self.keep(self.said.text)

    def start_traceback(self) -> None:
        """Read the first line, kept already, as the header of a traceback."""
        self.traceback = TracebackReader()
        self.traceback.feed(self.said.text)

    def keep(self, text: str) -> None:
        """Keep a line; of many, the head and the tail."""
        if len(self.head) < _LINES_HEAD:
            self.head.append(text)
            return
        self.tail.append(text)
        if len(self.tail) > _LINES_TAIL:
            del self.tail[0]

    def drafts(self) -> Iterator[Draft]:
        """Yield the events of this record, the cause first."""
        if self.traceback is None:
            exception, message = bare_exception(self.said.text) or ("", self._message())
            yield Draft(self, 0, Link(exception, message, ()))
            return
        for index, link in enumerate(self.traceback.links()):
            yield Draft(self, index, link)

    def _message(self) -> str:
        text = next((line.strip() for line in self.head if line.strip()), "")
        # `warnings` puts its own place before what is said.
        return text[max(text.find("resource_tracker: "), 0) :]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event whose writer's role may still become known."""

    record: Record
    index: int
    link: Link

    @property
    def order(self) -> tuple[float, int, int]:
        """Time, then order of appearance, then place in the chain."""
        return self.record.time, self.record.number, self.index

    def event(self, roles: Mapping[tuple[str, int], str]) -> Event:
        """Return the event; `roles` holds the last role under which (source, pid) was seen."""
        said, link = self.record.said, self.link
        traced = self.record.traceback is not None or bool(link.exception)
        known = recognise(": ".join(part for part in (link.exception, link.message) if part))
        announced = _PROCESS.match(self.record.announced)
        role = said.role if said.pid is None else roles.get((self.record.source, said.pid), said.role)
        role = role or (announced["role"] if announced else "") or (known.role if known else "")
        role = role or (TEST if self.record.source == SUITE else LAUNCHER)
        lines = (*self.record.head, *self.record.tail)
        return Event(
            time=self.record.time,
            source=self.record.source,
            role=role,
            pid=said.pid,
            kind=known.kind if known and known.kind != "log" else "exception" if traced else "log",
            severity=self._severity(known.severity if known else "error"),
            exception=link.exception,
            message=clean_line(link.message, _MESSAGE_LIMIT),
            frames=link.frames,
            lines=lines if self.index == 0 else (),
        )

    def _severity(self, usual: Severity) -> Severity:
        if self.record.said.level in {"DEBUG", "INFO"}:
            return "info"
        if self.record.said.level == "WARNING" or self.record.announced.startswith("Exception ignored"):
            return "info" if usual == "info" else "warning"
        return usual
