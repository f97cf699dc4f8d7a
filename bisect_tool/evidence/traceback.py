"""Parse Python tracebacks line by line: chained, grouped, of syntax errors, truncated, interleaved.

The grammar is that of CPython's `traceback.TracebackException.format` (Lib/traceback.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from bisect_tool.evidence.event import Frame

TRACEBACK = "Traceback (most recent call last):"
_HEADER = re.compile(
    r"(?P<indent>\s*)(?:\+ )?(?P<group>Exception Group )?Traceback \(most recent call last\):"
)
# Rich draws a box around a stack; the exception is below it.
_BOX = re.compile(r"(?P<indent>\s*)\u256d\u2500+ Traceback \(most recent call last\) \u2500+\u256e$")
_BOXED_FRAME = re.compile(r"\u2502 (?P<file>\S.*):(?P<line>\d{1,9}) in (?P<function>\S+) +\u2502$")
_BOXED = ("\u2502", "\u2570")
_MARGIN = re.compile(r"\s*\| ?")
_GROUP_MARGIN = re.compile(r"[\s|+]*(?:Exception Group )?")
_SEPARATOR = re.compile(r"\s*\+(?:-\+)?-{4,}(?: [\d.]+ -{4,})?$")
_CONNECTOR = re.compile(
    r"(?:During handling of the above exception, another exception occurred"
    r"|(?P<explicit>The above exception was the direct cause of the following exception)):$"
)
_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in (?P<function>.+))?$')
_LAST_LINE = re.compile(r"(?P<name>[A-Za-z_]\w*(?:\.\w+)*(?:\(\w+\))?)(?:: ?(?P<message>.*))?$")
_CLASS_NAME = re.compile(r"(?:\w+\.)+\w+$|_*[A-Z]\w*[a-z]\w*$")
_BARE = re.compile(
    r"(?P<name>(?:\w+\.)*(?:[A-Z]\w*(?:Error|Exception|ExceptionGroup|Interrupt|Exit|Timeout)|Exception))"
    r"(?:: ?(?P<message>.*))?$"
)
# A setting has a value, whatever its name: `ContinueOnError: False`.
_SETTING = re.compile(r"\w+: ?(?:[Tt]rue|[Ff]alse|null)$")
# A word alone is surely the name of an exception if it has a module, or ends as such names do.
_SURE = re.compile(r"\.|(?:Error|Exception|Exit|Interrupt|Iteration|Timeout|Warning|Group)$")
# Processes that print the same at once: `KeyErrorKeyError: : 'a''a'`, `mm..EE: : aa`.
_MULTIPLIED = re.compile(
    r"(?:(?P<module>[\w.]{1,80}?)(?P=module)+\.{2,9})?(?P<name>[\w.]{1,80}?)(?P=name)+(?:: ){2,9}"
    r"(?P<message>.{1,500}?)(?P=message)+$"
)
_RULER = re.compile(r"\s*[=\-_*~#+^.]{4,}\s*$")
_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
_FRAMES_HEAD, _FRAMES_TAIL, _LINKS = 8, 40, 16
_MAX_OTHER_LINES = 40
_CONTINUED_LINES = 6
_MESSAGE_LIMIT = 500


class FeedResult(Enum):
    """What the reader did with a line."""

    TAKEN = auto()
    REJECTED = auto()
    CLOSED = auto()


class _State(Enum):
    IDLE = auto()
    STACK = auto()
    RAISED = auto()
    BETWEEN = auto()


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of a chain; `exception` is empty if the log ends before its last line.

    Attributes:
        explicit: it was raised `from` the one before it.
        implicit: it was raised while the one before it was handled.
    """

    exception: str
    message: str
    frames: tuple[Frame, ...]
    explicit: bool = False
    implicit: bool = False


@dataclass
class TracebackReader:
    """Reads the lines of one process from a traceback's header to its end."""

    _links: list[Link] = field(default_factory=list)
    _groups: list[Link] = field(default_factory=list)
    _frames: list[Frame] = field(default_factory=list)
    _state: _State = _State.IDLE
    _grouped: bool = False
    _quoted: bool = False
    _continued: int = 0
    _others: int = 0
    _writers: int = 1
    _connector: str = ""
    _doubtful: bool = False
    _labelled: bool = False
    _quoting: Link | None = None
    _indent: str = ""
    takes_frames: bool = False
    """Whether a stack outside of groups is open, so that frames and code can only belong to it."""

    @property
    def raised(self) -> bool:
        """Whether the exception's line has been read, so that the traceback may be over."""
        return self._state is _State.RAISED and len(self._links) >= self._writers

    @property
    def expects_more(self) -> bool:
        """Whether the message so far ends with a colon: it continues on the next line."""
        return (
            bool(self._links) and self._links[-1].message.endswith(":") and self._continued < _CONTINUED_LINES
        )

    @property
    def is_over(self) -> bool:
        """Whether the exception and its whole message have been read."""
        return self.raised and not self.expects_more and not self._doubtful

    @property
    def indented(self) -> bool:
        """Whether its lines are indented as a whole."""
        return bool(self._indent)

    @property
    def grouped(self) -> bool:
        """Whether it is an exception group, whose lines have a margin."""
        return self._grouped

    def add_frame(self, frame: Frame) -> None:
        """Add a frame to the open stack; of many frames, the outermost and innermost are kept."""
        self._frames.append(frame)
        if len(self._frames) > _FRAMES_HEAD + _FRAMES_TAIL:
            del self._frames[_FRAMES_HEAD]

    def feed(self, text: str) -> FeedResult:
        """Take `text` if it belongs to the traceback.

        REJECTED means that it does not; CLOSED, that the traceback also ended before it.
        """
        if self._grouped:
            if _SEPARATOR.match(text):
                self._enter(_State.BETWEEN)
                return FeedResult.TAKEN
            text, margins = _MARGIN.subn("", text, count=1)
            if not margins and _CONNECTOR.match(text):
                self._end_groups()
        if "Traceback (" in text and (header := _HEADER.match(text) or _BOX.match(text)):
            self._indent = "" if self._grouped else header["indent"]
            return self._header(header)
        text = text.removeprefix(self._indent)  # pip indents what its subprocesses print
        if not text.strip():
            self._continued = _CONTINUED_LINES
            return FeedResult.TAKEN if self._state is not _State.IDLE else FeedResult.CLOSED
        if 'File "' in text and (frame := _FRAME.match(text)):
            return self._frame(frame)
        return self._other_line(text)

    def links(self) -> tuple[Link, ...]:
        """Return the exceptions read so far, the cause first; a group follows its members."""
        truncated = (
            [Link("", "traceback cut short", tuple(self._frames))] if self._state is _State.STACK else []
        )
        quoting = [replace(self._quoting, explicit=True)] if self._quoting is not None else []
        return (*self._links, *truncated, *quoting, *reversed(self._groups))

    def _enter(self, state: _State) -> None:
        self._state = state
        self.takes_frames = state is _State.STACK and not self._grouped

    def _header(self, match: re.Match[str]) -> FeedResult:
        if self._state is _State.RAISED and self._quoted and self._links:
            self._links.pop()  # the text of a remote exception follows, whose last line names it properly
        elif self._state is _State.RAISED and self._quotes_cause():
            self._quoting = self._links.pop()
        elif self._state is _State.RAISED and len(self._links) >= self._writers:
            return FeedResult.CLOSED
        elif self._state is _State.STACK and self._frames and not self._grouped:
            self._writers += 1  # a header in an open stack: the lines of a second writer are interleaved
        self._grouped = self._grouped or bool(match.groupdict().get("group"))
        self._quoted = False
        self._frames = []
        self._enter(_State.STACK)
        return FeedResult.TAKEN

    def _quotes_cause(self) -> bool:
        """Whether the only message ends with a colon, so that the traceback below it is its cause."""
        alone = self._quoting is None and len(self._links) == self._writers == 1
        return alone and self._links[0].message.endswith(":")

    def _frame(self, match: re.Match[str]) -> FeedResult:
        if self._state is _State.IDLE and match["function"]:
            return FeedResult.CLOSED
        if self._state is _State.RAISED and self._links and self._writers == 1:
            if self._labelled:
                return FeedResult.TAKEN
            self._links.pop()  # a remote stack printed as the message
            self._frames = []
        self._enter(_State.STACK)
        self.add_frame(Frame(file=match["file"], line=int(match["line"]), function=match["function"] or ""))
        return FeedResult.TAKEN

    def _other_line(self, text: str) -> FeedResult:
        if self._state is _State.IDLE:
            return FeedResult.CLOSED
        if self._state is _State.RAISED:
            return self._after_exception(text)
        if self._state is _State.STACK and text.startswith(_BOXED):
            return self._boxed(text)
        if self._state is _State.BETWEEN and (connector := _CONNECTOR.match(text)):
            self._connector = "explicit" if connector["explicit"] else "implicit"
            return FeedResult.TAKEN
        named = None if text[0].isspace() else last_line(text)
        if named:
            self._add_exception(*named)
            return FeedResult.TAKEN
        return FeedResult.TAKEN if text[0].isspace() else self._reject()

    def _boxed(self, text: str) -> FeedResult:
        if frame := _BOXED_FRAME.match(text):
            self.add_frame(Frame(file=frame["file"], line=int(frame["line"]), function=frame["function"]))
        return FeedResult.TAKEN

    def _add_exception(self, exception: str, message: str | None) -> None:
        link = Link(
            exception,
            message or "",
            tuple(self._frames) if self._writers == 1 else (),
            explicit=self._connector == "explicit",
            implicit=self._connector == "implicit",
        )
        kept = self._groups if self._grouped and exception.endswith("ExceptionGroup") else self._links
        if len(kept) >= _LINKS:  # the ends of a long chain are the most relevant
            del kept[_LINKS // 2]
        kept.append(link)
        self._continued = 0 if message is not None else _CONTINUED_LINES
        self._doubtful = message is None and not _SURE.search(exception)
        self._connector = ""
        self._labelled = False
        self._frames = []
        self._others = 0
        self._enter(_State.RAISED)

    def _after_exception(self, text: str) -> FeedResult:
        doubtful, self._doubtful = self._doubtful, False
        if connector := _CONNECTOR.match(text):
            self._connector = "explicit" if connector["explicit"] else "implicit"
            self._enter(_State.BETWEEN)
            return FeedResult.TAKEN
        if doubtful:
            return self._after_word(text)
        if self.expects_more and bare_exception(text):
            self._extend_message(text)
            return FeedResult.TAKEN
        if len(self._links) < self._writers and (named := bare_exception(text)):
            self._add_exception(*named)
            return FeedResult.TAKEN
        self._quoted = text.strip() == '"""'
        if not text[0].isspace():
            # A stack of other code, without an exception: `from user code:`.
            self._labelled = text.endswith(":") and not text.endswith(TRACEBACK)
        if self._links and not self._quoted and self._continues_message(text):
            self._extend_message(text)
        self._others += 1
        return FeedResult.TAKEN if self._others <= _MAX_OTHER_LINES else FeedResult.CLOSED

    def _after_word(self, text: str) -> FeedResult:
        """Replace a word that was taken for an exception, if the exception follows."""
        named = bare_exception(text)
        if named is None:
            return FeedResult.CLOSED
        self._frames = list(self._links.pop().frames) if self._links else []
        self._add_exception(*named)
        return FeedResult.TAKEN

    def _extend_message(self, text: str) -> None:
        """Append a line to the last message."""
        last = self._links[-1]
        message = f"{last.message} {text.strip()}".strip()[:_MESSAGE_LIMIT]
        self._links[-1] = replace(last, message=message)
        self._continued += 1

    def _continues_message(self, text: str) -> bool:
        """Whether a line after the exception continues its message: after a colon, or indented."""
        if self._continued >= _CONTINUED_LINES or _RULER.match(text):
            return False
        message = self._links[-1].message
        return not message or message.endswith(":") or text[:1].isspace()

    def _end_groups(self) -> None:
        """Add the groups after their members, and before exceptions that they caused."""
        self._links.extend(reversed(self._groups))
        self._groups.clear()

    def _reject(self) -> FeedResult:
        self._others += 1
        return FeedResult.REJECTED if self._others <= _MAX_OTHER_LINES else FeedResult.CLOSED


class Mark(Enum):
    """The part of a traceback that a line can be."""

    NONE = auto()
    HEADER = auto()
    HEADER_AFTER_TEXT = auto()
    FRAME = auto()


def mark_of(text: str) -> Mark:
    """Return the part of a traceback that `text` can be."""
    if "Traceback (most" in text:
        if _HEADER.match(text) or _BOX.match(text):
            return Mark.HEADER
        return Mark.HEADER_AFTER_TEXT if before_header(text) else Mark.NONE
    if is_frame(text):
        return Mark.FRAME if ", in " in text else Mark.HEADER
    return Mark.NONE


def is_header(text: str) -> bool:
    """Whether `text` begins a traceback (`Traceback (most recent call last):`, or a bare syntax error)."""
    if "Traceback (most" in text:
        return bool(_HEADER.match(text) or _BOX.match(text))
    return is_frame(text) and ", in " not in text


def is_of_traceback(text: str) -> bool:
    """Whether `text` is surely a line of a traceback: its header, a frame, code, or an exception."""
    return text.startswith("    ") or is_frame(text) or is_header(text) or bare_exception(text) is not None


def is_within_traceback(text: str) -> bool:
    """Whether `text` is a line of a traceback below its header, or an exception."""
    inside = text.startswith("    ") or is_frame(text) or bool(_CONNECTOR.match(text))
    return inside or bare_exception(text) is not None


def before_header(text: str) -> str:
    """Return the text before a traceback's header at the end of the line; empty without one."""
    if not text.endswith(TRACEBACK):
        return ""
    before = text[: -len(TRACEBACK)]
    # Below `Original`, the traceback of a worker is part of the message of its parent's exception.
    return "" if _GROUP_MARGIN.fullmatch(before) or before.strip() == "Original" else before


def is_frame(text: str) -> bool:
    """Whether `text` is a stack frame as Python prints it."""
    return 'File "' in text and bool(_FRAME.match(text))


def frame_of(text: str) -> Frame | None:
    """Parse a stack frame with its function; None if `text` is not one."""
    match = _FRAME.match(text)
    if match is None or not match["function"]:
        return None
    return Frame(file=match["file"], line=int(match["line"]), function=match["function"])


def may_follow_a_stack(text: str) -> bool:
    """Whether `text` can continue or end a stack, unlike a line of another writer."""
    return not text or text[0].isspace() or bool(_CONNECTOR.match(text)) or last_line(text) is not None


def last_line(text: str) -> tuple[str, str | None] | None:
    """Return (exception, message) if `text` can be the last line of a traceback; no message is None."""
    if multiplied := _multiplied(text):
        return multiplied
    match = _LAST_LINE.match(text)
    if match is None or match["name"] in _LEVELS:
        return None
    if match["message"] is None and not _CLASS_NAME.match(match["name"]):
        return None
    return match["name"], match["message"]


def bare_exception(text: str) -> tuple[str, str] | None:
    """Return (exception, message) if `text`, found outside of any traceback, names an exception."""
    match = None if _SETTING.match(text) else _BARE.match(text)
    if match is None or ": : " not in text:
        return (match["name"], match["message"] or "") if match else None
    return _multiplied(text) or (match["name"], match["message"] or "")


def _multiplied(text: str) -> tuple[str, str] | None:
    """Return (exception, message) if several processes printed the same exception at once."""
    match = _MULTIPLIED.match(text) if ": : " in text else None
    if match is None:
        return None
    return f"{match['module']}.{match['name']}" if match["module"] else match["name"], match["message"]
