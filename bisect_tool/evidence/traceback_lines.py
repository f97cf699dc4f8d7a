"""Read consecutive lines of one traceback or crash in bulk, without classifying each.

Most lines of a failed log are of this kind. They differ only in the text after the prefix, and in the seconds
of its time stamp. Any unusual line is parsed in full by `parsed_line`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.evidence.classified_line import Beginning
from bisect_tool.evidence.parsed_line import ParsedLine
from bisect_tool.evidence.traceback import FeedResult, TracebackReader, frame_of, may_follow_a_stack

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.evidence.classified_line import LineClassifier
    from bisect_tool.evidence.crash import CrashReader
    from bisect_tool.evidence.event import Frame
    from bisect_tool.evidence.line import LogLine
    from bisect_tool.evidence.log_record import Record

_KEPT, _LONG = 20_000, 500
_INDENTED, _FRAME = "    ", '  File "'
# Text of another writer's line that was appended to this one, or of the next header.
_UNUSUAL = re.compile(
    r'File "|Traceback \(|pid=|\[repeated |[A-Z] \d\d-\d\d \d\d:|Fatal Python error: |Exception Group'
)
_LEVEL = re.compile(r"(?:DEBUG|INFO|WARN|ERROR|CRITICAL|FATAL)")
_SECONDS = re.compile(r"(?<=\d\d:\d\d:)\d\d(?:[.,]\d+)?")


class ClassifiedText(NamedTuple):
    """The classification of a text after a prefix.

    Attributes:
        text: the text; equal texts are one object.
        frame: the stack frame that it is; None for other texts.
        in_stack: whether it can only be part of the open stack: a frame, or a line of code.
        may_follow: whether a stack can continue or end with it.
        ends_traceback: whether it is a new event if the traceback is over.
    """

    text: str
    frame: Frame | None
    in_stack: bool
    may_follow: bool
    ends_traceback: bool


class TextClassifier:
    """Classifies the texts after prefixes; caches the results for recent ones."""

    def __init__(self, classifier: LineClassifier) -> None:
        self._classifier = classifier
        self.cache: dict[str, ClassifiedText | None] = {}

    def of(self, text: str) -> ClassifiedText | None:
        """Classify a text that is not in the cache; None if the whole line has to be classified."""
        if len(self.cache) >= _KEPT:
            self.cache.clear()
        if len(text) >= _LONG:
            return None
        classified_text = self.cache[text] = self._classify(text)
        return classified_text

    def _classify(self, text: str) -> ClassifiedText | None:
        if not text.isprintable() or text[-1:].isspace():
            return None
        frame = frame_of(text) if text.startswith(_FRAME) else None
        if _UNUSUAL.search(text, len(_FRAME) if frame else 0):
            return None
        if frame or text.startswith(_INDENTED):
            return ClassifiedText(text, frame, in_stack=True, may_follow=True, ends_traceback=False)
        classified = self._classifier.line(text)
        has_more_prefix = classified.parsed != ParsedLine("", None, "", "", text) or _LEVEL.match(text)
        if has_more_prefix or classified.beginning is Beginning.TRACEBACK_AFTER_TEXT:
            return None
        return ClassifiedText(
            text,
            None,
            in_stack=False,
            may_follow=may_follow_a_stack(text),
            ends_traceback=classified.ends_traceback,
        )


class StackRun:
    """Takes the lines that continue an open record, all with the same prefix in the same log."""

    __slots__ = (
        *("_after_seconds", "_before_seconds", "_first_characters", "_prefix_length", "_seconds_end"),
        *("_source", "_stack", "_texts", "last", "record"),
    )

    def __init__(  # noqa: PLR0913, PLR0917  # the parts of a run
        self,
        first: LogLine,
        parsed: ParsedLine,
        record: Record,
        stack: TracebackReader | CrashReader,
        texts: TextClassifier,
        first_characters: Collection[str],
    ) -> None:
        prefix = first.text[: len(first.text) - len(parsed.text)]
        self._source = first.source
        self._prefix_length = len(prefix)
        self._before_seconds, self._seconds_end = _up_to_seconds(prefix, parsed.stamp)
        self._after_seconds = prefix[self._seconds_end :]
        self._texts = texts
        self._first_characters = first_characters
        self._stack = stack
        self.record = record
        self.last = first

    @property
    def stamped(self) -> bool:
        """Whether each line has its own time stamp."""
        return self._seconds_end > 0

    def take(self, line: LogLine) -> bool:
        """Take a line; returns False if it is not part of this run."""
        source, _, text, _ = line
        if not text.startswith(self._before_seconds) or source != self._source:
            return False
        if self._seconds_end and not self._has_prefix(text):
            return False
        rest = text[self._prefix_length :]
        if rest[:1] in self._first_characters:
            return False
        classified_text = self._texts.cache[rest] if rest in self._texts.cache else self._texts.of(rest)
        if classified_text is None:
            return False
        kept_text, frame, in_stack, _, _ = classified_text
        if in_stack and self._stack.takes_frames:
            if frame is not None:
                self._stack.add_frame(frame)  # type: ignore[union-attr]
        elif not self._feed_stack(classified_text):
            return False
        self.record.keep(kept_text)
        self.last = line
        return True

    def _feed_stack(self, classified_text: ClassifiedText) -> bool:
        """Feed a text to the stack; returns False if it does not continue the stack."""
        stack = self._stack
        if isinstance(stack, TracebackReader):
            if stack.grouped or not (classified_text.may_follow or stack.raised):
                return False
            if classified_text.ends_traceback and stack.is_over and not self.record.line.head:
                return False
        return stack.feed(classified_text.text) is FeedResult.TAKEN

    def _has_prefix(self, text: str) -> bool:
        """Whether a line with the same start has the prefix, with any seconds."""
        seconds = text[len(self._before_seconds) : self._seconds_end]
        return seconds[:2].isdigit() and text.startswith(self._after_seconds, self._seconds_end)


def start_run(
    line: LogLine,
    parsed: ParsedLine,
    record: Record,
    texts: TextClassifier,
    first_characters: Collection[str],
) -> StackRun | None:
    """Return the run that starts with a line of a record with a stack; None if the line starts none.

    `first_characters` are those of the prefixes that were learnt in this log.
    """
    if parsed.formatted or parsed.forwarded or (parsed.level and not parsed.head):
        return None
    if record.stack is None or record.stack.indented:
        return None
    if not parsed.text or not line.text.endswith(parsed.text):
        return None
    return StackRun(line, parsed, record, record.stack, texts, first_characters)


def _up_to_seconds(prefix: str, stamp: str) -> tuple[str, int]:
    """Return the prefix up to the seconds of its time stamp, and the index after them.

    Without seconds, return the whole prefix and 0.
    """
    place = prefix.find(stamp) if stamp else -1
    seconds = _SECONDS.search(prefix, place, place + len(stamp)) if place >= 0 else None
    return (prefix[: seconds.start()], seconds.end()) if seconds else (prefix, 0)
