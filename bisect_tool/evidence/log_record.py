"""Collect the lines of one process in records, and draft events from them."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.evidence.crash import CrashReader
from bisect_tool.evidence.event import Event
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST
from bisect_tool.evidence.patterns import SUITE, Patterns, Stage
from bisect_tool.evidence.signature import engine_frame
from bisect_tool.evidence.traceback import Link, TracebackReader, bare_exception
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.evidence.event import EventKind, Severity
    from bisect_tool.evidence.parsed_line import ParsedLine
    from bisect_tool.evidence.patterns import Recognised

_MESSAGE_LIMIT = 500
_LINE_KEPT = 400
_LINES_HEAD, _LINES_TAIL = 20, 40
_PROCESS = re.compile(r"Process (?P<role>[A-Za-z]\w*?(?:_\w+)?)(?:-\d+(?::\d+)*)?:$")
# Functions that run while a process ends: an exception in them is a consequence of the end.
_SHUTDOWN_FUNCTIONS = frozenset(
    {"__del__", "_exitfunc", "_run_exitfuncs", "_exit_function", "_python_exit", "shutdown"}
)
_COMMAND_FAILED = "CalledProcessError"
# Exceptions that only end a wait, or an iteration, if another one follows.
_ENDS_OF_WAITS = frozenset(
    {"Empty", "Full", "WouldBlock", "EndOfStream", "StopIteration", "StopAsyncIteration"}
)
_CANCELLED, _TIMEOUT = "CancelledError", "TimeoutError"


def _tail() -> deque[str]:
    return deque(maxlen=_LINES_TAIL)


@dataclass(slots=True)
class Record:
    """A logged record, a plain traceback or crash, or a plain line.

    `announced` is the line that announced it, `written` when it was written and whether that is its own
    stamp, `line_number` the number of its first line in the log, and `handled` whether it is the traceback
    of a warning. `forwarded` is whether another program logged its lines, each with a head. `announces` is
    the traceback below a logged line.
    """

    number: int
    time: float
    written: tuple[float, bool]
    source: str
    line: ParsedLine
    known: Patterns
    announced: str = ""
    line_number: int = 0
    handled: bool = False
    forwarded: bool = False
    announces: Record | None = None
    stack: TracebackReader | CrashReader | None = None
    last: int = 0
    head: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=_tail)

    def __post_init__(self) -> None:
        if self.announced:
            self.keep(self.announced)
        self.keep(self.line.text)
        self.last = self.number

    def start_traceback(self, header: str) -> None:
        """Read the first line, which has been kept already, as the header of a traceback."""
        self.stack = TracebackReader()
        self.stack.feed(header)

    def keep(self, text: str) -> None:
        """Keep a line: the first one in full, others truncated. Of many lines, head and tail are kept."""
        if self.head and len(text) > _LINE_KEPT:
            text = f"{text[: _LINE_KEPT - 1]}…"
        if len(self.head) < _LINES_HEAD:
            self.head.append(text)
        else:
            self.tail.append(text)

    def similarity_key(self) -> int:
        """Return the hash of the first and last text without digits, which similar records share."""
        text = f"{self.head[-1]}\n{self.tail[-1]}" if self.tail else f"{self.head[0]}\n{self.head[-1]}"
        return hash(text.encode().translate(None, b"0123456789"))

    def drafts(self) -> Iterator[Draft]:
        """Yield the events of this record, the cause first."""
        links = self._links()
        for index, (link, stage) in enumerate(zip(links, _stages(links, self.known), strict=True)):
            least = max(stage or Stage.CAUSE, Stage.HANDLED) if self.handled else stage
            yield Draft(self, index, link, least or self._announced_stage())

    def _announced_stage(self) -> Stage | None:
        """Return the stage of the traceback below, if that is only a consequence: so is what announces it."""
        stages = [draft.stage for draft in self.announces.drafts()] if self.announces else []
        nearest = min((stage or Stage.CAUSE for stage in stages), default=Stage.CAUSE)
        return nearest if nearest > Stage.UNEXPLAINED else None

    def _links(self) -> Sequence[Link]:
        if isinstance(self.stack, TracebackReader):
            return self.stack.links()
        if isinstance(self.stack, CrashReader):
            return self.stack.links()
        exception, message = bare_exception(self.line.text) or ("", self._message())
        return (Link(exception, message, ()),)

    def _message(self) -> str:
        text = next((line.strip() for line in self.head if line.strip()), "")
        # `warnings` puts its own location before the message.
        return text[max(text.find("resource_tracker: "), 0) :]


def _headline(link: Link) -> str:
    return ": ".join(part for part in (link.exception, link.message) if part)


def _stages(links: Sequence[Link], known: Patterns) -> list[Stage | None]:
    """Return the stages of chained exceptions; None for an unknown one.

    An exception's explicit cause is at least as near to the root cause as the exception itself. An exception
    that was raised while another one was handled is at most as near as that one, unless it says why a
    command failed. Neither holds if the first exception only ends a wait, or says less than the second.
    """
    stages = [_own_stage(link, known) for link in links]
    ends = [_only_ends_wait(link, effect) for link, effect in pairwise(links)]
    stages[:-1] = [Stage.PIPE_BROKEN if end else stage for end, stage in zip(ends, stages, strict=False)]
    for index in reversed(range(len(links) - 1)):
        if links[index + 1].explicit and not ends[index]:
            stages[index] = min(stages[index] or Stage.CAUSE, stages[index + 1] or Stage.CAUSE)
    for index in range(1, len(links)):
        if links[index].implicit and not ends[index - 1] and not _explains(links[index], links[index - 1]):
            stages[index] = max(stages[index] or Stage.CAUSE, stages[index - 1] or Stage.CAUSE)
    return stages


def _only_ends_wait(link: Link, effect: Link) -> bool:
    """Whether `effect` was raised from `link`, and tells of the failure what `link` does not."""
    if not effect.explicit and not effect.implicit:
        return False
    name, raised = (each.exception.rpartition(".")[2] for each in (link, effect))
    if name == _CANCELLED:  # what else is raised while a task is cancelled is a consequence
        return effect.explicit or raised == _TIMEOUT
    return name in _ENDS_OF_WAITS or (name == raised and not link.message and bool(effect.message))


def _explains(link: Link, before: Link) -> bool:
    """Whether the function that ran a command raised `link` because the command failed."""
    if not before.exception.endswith(_COMMAND_FAILED) or not link.frames:
        return False
    raised = link.frames[-1]
    return any((raised.file, raised.function) == (frame.file, frame.function) for frame in before.frames)


def _own_stage(link: Link, known: Patterns) -> Stage | None:
    found = known.recognise(_headline(link))
    if found is not None:
        return found.pattern.causal_stage
    if link.frames and any(frame.function in _SHUTDOWN_FUNCTIONS for frame in link.frames):
        return Stage.LEAK
    return None


def _shortened(message: str, known: Recognised | None) -> str:
    """Return a message within the limit: its beginning, or else what is known in it, with the end."""
    match = known.pattern.match(message) if known is not None and len(message) > _MESSAGE_LIMIT else None
    if match is None or match.end() < _MESSAGE_LIMIT:
        return clean_line(message, _MESSAGE_LIMIT)
    return clean_line(f"…{message[match.start() :]}", _MESSAGE_LIMIT)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event whose role may become known later."""

    record: Record
    index: int
    link: Link
    stage: Stage | None

    @property
    def order(self) -> tuple[float, int, int]:
        """Sort key: time, then order of appearance, then position in the chain."""
        return self.record.time, self.record.number, self.index

    def event(self, roles: Mapping[tuple[str, int], str]) -> Event:
        """Return the event; `roles` has the last known role of each (source, pid)."""
        link = self.link
        known = self.record.known.recognise(_headline(link))
        pid = self.record.line.pid if known is None or known.pid is None else known.pid
        lines = (*self.record.head, *self.record.tail)
        return Event(
            time=self.record.time,
            source=self.record.source,
            role=self._role(known, roles),
            pid=pid,
            kind=self._kind(known),
            severity=self._severity(known.pattern.severity if known else "error"),
            exception=link.exception,
            message=_shortened(link.message, known),
            frames=link.frames,
            lines=lines if self.index == 0 else (),
            line=self.record.line_number,
            stage=None if self.stage is None else self.stage.name.lower(),
            own_frame=engine_frame(link.frames, self.record.known),
        )

    def _role(self, known: Recognised | None, roles: Mapping[tuple[str, int], str]) -> str:
        line = self.record.line
        subject_role = known.role if known is not None and known.pid is not None else ""
        role = subject_role or (
            line.role if line.pid is None else roles.get((self.record.source, line.pid), line.role)
        )
        announced = _PROCESS.match(self.record.announced)
        role = role or (announced["role"] if announced else "") or (known.role if known else "")
        role = role or (f"Rank_{line.rank}" if line.rank else "")
        return role or (TEST if self.record.source == SUITE else LAUNCHER)

    def _kind(self, known: Recognised | None) -> EventKind:
        if known is not None and known.pattern.kind != "log":
            return known.pattern.kind
        return "exception" if self.record.stack is not None or self.link.exception else "log"

    def _severity(self, usual: Severity) -> Severity:
        line = self.record.line
        if line.level in {"DEBUG", "INFO"} or (line.forwarded and not self.record.forwarded):
            return "info"
        if line.level == "WARNING" or self.record.announced.startswith("Exception ignored"):
            return "info" if usual == "info" else "warning"
        return usual
