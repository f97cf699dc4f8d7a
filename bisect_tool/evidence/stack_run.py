"""The lines of one stack that follow one another: taken without being taken apart one by one.

Most lines of a log that failed are of this kind, and all that differs between them is what stands behind
the prefix, and the seconds in it. What is the least unusual goes the long way through `parsed_line` and
`traceback`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.parsed_line import LINE_LIMIT
from bisect_tool.evidence.traceback import TracebackReader, frame_of

if TYPE_CHECKING:
    from bisect_tool.evidence.event import Frame
    from bisect_tool.evidence.line import LogLine
    from bisect_tool.evidence.parsed_line import ParsedLine
    from bisect_tool.evidence.record import Record

_KEPT = 20_000
# What another writer's line holds that is glued to this one, or the next header.
_UNUSUAL = re.compile(
    r'File "|Traceback \(|pid=|\[repeated |[A-Z] \d\d-\d\d \d\d:|Fatal Python error: |Exception Group'
)
_SECONDS = re.compile(r"(?<=\d\d:\d\d:)\d\d(?:[.,]\d+)?")
_looks: dict[str, tuple[str, Frame | None] | None] = {}
"""What texts behind a prefix are: a frame, a line of code without one, or something else (None)."""


class StackRun:
    """Takes the lines that go on with an open traceback, each behind the same prefix in the same log."""

    __slots__ = ("_at", "_before", "_behind", "_resumes", "_source", "_stack", "last", "record")

    def __init__(
        self, first: LogLine, prefix: str, stamp: str, record: Record, stack: TracebackReader
    ) -> None:
        self._source = first.source
        self._stack = stack
        self._stack = stack
        self._at = len(prefix)
        self._before, self._resumes = _up_to_seconds(prefix, stamp)
        self._behind = prefix[self._resumes :]
        self.record = record
        self.last = first

    @property
    def stamped(self) -> bool:
        """Whether each line has a time of its own."""
        return self._resumes > 0

    def take(self, line: LogLine) -> bool:
        """Take a line; False where it is not of this run."""
        source, _, text, _ = line
        if not text.startswith(self._before) or source != self._source:
            return False
        if self._resumes and not self._has_prefix(text):
            return False
        rest = text[self._at :]
        look = _looks[rest] if rest in _looks else _look(rest)
        if look is None:
            return False
        known, frame = look  # of equal texts only one is kept
        if frame is not None:
            self._stack.add_frame(frame)
        self.record.keep(known)
        self.last = line
        return True

    def _has_prefix(self, text: str) -> bool:
        """Whether a line that begins alike has the prefix but for its seconds."""
        seconds = text[len(self._before) : self._resumes]
        return seconds[:2].isdigit() and text.startswith(self._behind, self._resumes)


def run_after(line: LogLine, parsed: ParsedLine, record: Record) -> StackRun | None:
    """Return the run that a line begins whose record takes frames; None where it begins none."""
    stack = record.stack
    if not isinstance(stack, TracebackReader) or parsed.formatted or (parsed.level and not parsed.head):
        return None
    if not parsed.text or not line.text.endswith(parsed.text):
        return None
    return StackRun(line, line.text[: -len(parsed.text)], parsed.stamp, record, stack)


def _up_to_seconds(prefix: str, stamp: str) -> tuple[str, int]:
    """The prefix up to the seconds of its time stamp, and where it goes on; all of it and 0 without one."""
    place = prefix.find(stamp) if stamp else -1
    seconds = _SECONDS.search(prefix, place, place + len(stamp)) if place >= 0 else None
    return (prefix[: seconds.start()], seconds.end()) if seconds else (prefix, 0)


def _look(rest: str) -> tuple[str, Frame | None] | None:
    look: tuple[str, Frame | None] | None = None
    if len(rest) < LINE_LIMIT and rest.isprintable() and not rest[-1:].isspace():
        if rest.startswith("    "):
            look = None if _UNUSUAL.search(rest) else (rest, None)
        elif rest.startswith('  File "') and not _UNUSUAL.search(rest, 8):
            frame = frame_of(rest)
            look = (rest, frame) if frame else None
    if len(_looks) >= _KEPT:
        _looks.clear()
    _looks[rest] = look
    return look
