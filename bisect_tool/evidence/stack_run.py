"""The lines of one stack that follow one another: taken without being taken apart one by one.

Most lines of a log that failed are of this kind, and all that differs between them is what stands behind
the prefix. What is the least unusual goes the long way through `parsed_line` and `traceback`.
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
_looks: dict[str, tuple[str, Frame | None] | None] = {}
"""What texts behind a prefix are: a frame, a line of code without one, or something else (None)."""


class StackRun:
    """Takes the lines that go on with an open traceback, each behind the same prefix in the same log."""

    __slots__ = ("_at", "_prefix", "_source", "_stack", "record")

    def __init__(self, source: str, prefix: str, record: Record, stack: TracebackReader) -> None:
        self._source = source
        self._prefix = prefix
        self._at = len(prefix)
        self._stack = stack
        self.record = record

    def take(self, line: LogLine) -> bool:
        """Take a line; False where it is not of this run."""
        source, _, text, _ = line
        if not text.startswith(self._prefix) or source != self._source:
            return False
        rest = text[self._at :]
        look = _looks[rest] if rest in _looks else _look(rest)
        if look is None:
            return False
        known, frame = look  # of equal texts only one is kept
        if frame is not None:
            self._stack.add_frame(frame)
        self.record.keep(known)
        return True


def run_after(line: LogLine, parsed: ParsedLine, record: Record) -> StackRun | None:
    """Return the run that a line begins which `record` has taken; None where it begins none."""
    stack = record.stack
    if not isinstance(stack, TracebackReader) or not stack.takes_frames or not parsed.text:
        return None
    if parsed.formatted or (parsed.level and not parsed.head) or not line.text.endswith(parsed.text):
        return None
    return StackRun(line.source, line.text[: -len(parsed.text)], record, stack)


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
