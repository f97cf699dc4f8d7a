"""Read consecutive lines of one traceback or crash in bulk, without classifying each.

Most lines of a log that failed are of this kind, and all that differs between them is what comes after
the prefix, and the seconds in it. What is the least unusual goes the long way through `parsed_line`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.evidence.classified_line import Beginning
from bisect_tool.evidence.parsed_line import ParsedLine
from bisect_tool.evidence.traceback import Fed, TracebackReader, frame_of, may_follow_a_stack

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.evidence.classified_line import LineClassifier
    from bisect_tool.evidence.crash import CrashReader
    from bisect_tool.evidence.event import Frame
    from bisect_tool.evidence.line import LogLine
    from bisect_tool.evidence.log_record import Record

_KEPT, _LONG = 20_000, 500
_INDENTED, _FRAME = "    ", '  File "'
# What another writer's line holds that is glued to this one, or the next header.
_UNUSUAL = re.compile(
    r'File "|Traceback \(|pid=|\[repeated |[A-Z] \d\d-\d\d \d\d:|Fatal Python error: |Exception Group'
)
_LEVEL = re.compile(r"(?:DEBUG|INFO|WARN|ERROR|CRITICAL|FATAL)")
_SECONDS = re.compile(r"(?<=\d\d:\d\d:)\d\d(?:[.,]\d+)?")


class Look(NamedTuple):
    """The classification of a text after a prefix.

    Attributes:
        text: the text; of equal ones only one is kept.
        frame: the frame that it is; None where it is none.
        inside: whether it can only be a part of the stack that is open: a frame, or a line of code.
        follows: whether a stack goes on with it, or ends with it.
        anew: whether it is an event of its own behind a traceback that is over.
    """

    text: str
    frame: Frame | None
    inside: bool
    follows: bool
    anew: bool


class Looks:
    """Classifies texts after prefixes; caches the recent ones."""

    def __init__(self, classifier: LineClassifier) -> None:
        self._classifier = classifier
        self.known: dict[str, Look | None] = {}

    def of(self, text: str) -> Look | None:
        """What a text is that is not known yet; None where the whole line has to be classified."""
        if len(self.known) >= _KEPT:
            self.known.clear()
        if len(text) >= _LONG:
            return None
        look = self.known[text] = self._look(text)
        return look

    def _look(self, text: str) -> Look | None:
        if not text.isprintable() or text[-1:].isspace():
            return None
        frame = frame_of(text) if text.startswith(_FRAME) else None
        if _UNUSUAL.search(text, len(_FRAME) if frame else 0):
            return None
        if frame or text.startswith(_INDENTED):
            return Look(text, frame, inside=True, follows=True, anew=False)
        classified = self._classifier.line(text)
        goes_on_with_prefix = classified.parsed != ParsedLine("", None, "", "", text) or _LEVEL.match(text)
        if goes_on_with_prefix or classified.beginning is Beginning.TRACEBACK_BEHIND_TEXT:
            return None
        return Look(text, None, inside=False, follows=may_follow_a_stack(text), anew=classified.anew)


class StackRun:
    """Takes the lines that go on with an open record, each behind the same prefix in the same log."""

    __slots__ = (
        *("_at", "_before", "_begins", "_behind", "_looks", "_resumes", "_source", "_stack"),
        *("last", "record"),
    )

    def __init__(  # noqa: PLR0913, PLR0917  # the parts of a run
        self,
        first: LogLine,
        parsed: ParsedLine,
        record: Record,
        stack: TracebackReader | CrashReader,
        looks: Looks,
        begins: Collection[str],
    ) -> None:
        prefix = first.text[: len(first.text) - len(parsed.text)]
        self._source = first.source
        self._at = len(prefix)
        self._before, self._resumes = _up_to_seconds(prefix, parsed.stamp)
        self._behind = prefix[self._resumes :]
        self._looks = looks
        self._begins = begins
        self._stack = stack
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
        if rest[:1] in self._begins:
            return False
        look = self._looks.known[rest] if rest in self._looks.known else self._looks.of(rest)
        if look is None:
            return False
        known, frame, inside, _, _ = look
        if inside and self._stack.takes_frames:
            if frame is not None:
                self._stack.add_frame(frame)  # type: ignore[union-attr]
        elif not self._goes_on(look):
            return False
        self.record.keep(known)
        self.last = line
        return True

    def _goes_on(self, look: Look) -> bool:
        """Give a text to the stack; False where it does not go on with it."""
        stack = self._stack
        if isinstance(stack, TracebackReader):
            if stack.grouped or not (look.follows or stack.raised):
                return False
            if look.anew and stack.is_over and not self.record.line.head:
                return False
        return stack.feed(look.text) is Fed.TAKEN

    def _has_prefix(self, text: str) -> bool:
        """Whether a line with the same start has the prefix, except for its seconds."""
        seconds = text[len(self._before) : self._resumes]
        return seconds[:2].isdigit() and text.startswith(self._behind, self._resumes)


def run_after(
    line: LogLine, parsed: ParsedLine, record: Record, looks: Looks, begins: Collection[str]
) -> StackRun | None:
    """Return the run that a line begins which went to a record with a stack; None where it begins none.

    `begins` are the characters that prefixes begin with which were learnt in this log.
    """
    if parsed.formatted or (parsed.level and not parsed.head):
        return None
    if record.stack is None or record.stack.indented:
        return None
    if not parsed.text or not line.text.endswith(parsed.text):
        return None
    return StackRun(line, parsed, record, record.stack, looks, begins)


def _up_to_seconds(prefix: str, stamp: str) -> tuple[str, int]:
    """The prefix up to the seconds of its time stamp, and the index after it; all, 0 without one."""
    place = prefix.find(stamp) if stamp else -1
    seconds = _SECONDS.search(prefix, place, place + len(stamp)) if place >= 0 else None
    return (prefix[: seconds.start()], seconds.end()) if seconds else (prefix, 0)
