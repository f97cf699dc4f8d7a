"""Parse crashes line by line: those of programs not in Python, and the stacks of Python's faulthandler.

Handles C++'s `what()`, panics of Rust and Go, exceptions of Java and .NET with their causes, and what went
wrong in a build of Gradle. The formats are those of CPython's `Python/traceback.c`
(`_Py_DumpTracebackThreads`), libstdc++'s verbose terminate handler, the panic handlers of Rust and Go, and
Java's `Throwable.printStackTrace`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import dropwhile
from typing import ClassVar

from bisect_tool.evidence.event import Frame
from bisect_tool.evidence.traceback import FeedResult, Link

_BEGINS = re.compile(
    r"Fatal Python error: |Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!$|terminate called "
    r"|thread '.*' (?:\(\d+\) )?panicked at |panic: |Exception in thread \"|\*\*\* SIG[A-Z]+ received "
    r"|Unhandled exception\. |Caused by:$|# A fatal error has been detected by"
    r"|Windows fatal exception: (?!code)|CMake Error at .+:$|\* What went wrong:$"
    r"|(?:[a-z][\w$]*\.){2,}[A-Z][\w$]*(?:\.[A-Z][\w$]*)*(?:Exception|Error)(?:: |$)"
)
_THREAD = re.compile(r"(?P<current>Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):$")
_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,9}) in (?P<function>.+)$')
_JAVA_FRAME = re.compile(
    r"\s*at (?:[\w.@-]+/)?(?P<function>[\w.$<>]+)\((?P<file>[\w.]+):(?P<line>\d{1,9})\)$"
)
_DOTNET_FRAME = re.compile(r"\s*at (?P<function>[\w.`<>+]+)\(.*\) in (?P<file>.+):line (?P<line>\d{1,9})$")
_COUNTER = re.compile(r"PC: @ +0x[0-9a-f]+ +\(unknown\) +(?P<function>\S+)")
# The C library has a function for each kind of processor: `__memset_avx2_erms`.
_VARIANT = re.compile(r"_(?:avx|sse|ssse|evex|erms|unaligned)\w*$")
_WHAT = re.compile(r"\s*what\(\): +(?P<message>.*)$")
_THROWN = re.compile(r"terminate called after throwing an instance of '(?P<type>[^']+)'")
_NAMED = re.compile(
    r"(?:Exception in thread \".*\" |Unhandled exception\. )?"
    r"(?P<type>(?:[\w$]+\.)+[\w$]+)(?:: (?P<message>.*))?$"
)
_CAUSE = re.compile(r"(?:\s*Caused by: | +---> )(?P<type>[\w.$]+)(?:: (?P<message>.*))?$")
_RUST_CAUSES = "Caused by:"
_GRADLE_CAUSES = "* What went wrong:"
_GRADLE_CAUSE = re.compile(r"(?: *> )?(?P<message>(?!>)\S.*)$")
_LISTED = re.compile(r"\s+(?P<number>\d+: )?(?P<message>\S.*)$")
_JAVA_SIGNAL = re.compile(r"#  (?P<message>(?:SIG[A-Z]+|EXCEPTION_\w+|Internal Error|Out of Memory).*)$")
_OTHER_LINES = re.compile(
    r"\s*\.\.\.$|\s*<no Python frame>$|Stack \(most recent call first\):$"
    r"|Extension modules: |\s+@ +(?:0x|\.\.\. and )|\s*at \S+\(|\s*\.\.\. \d+ (?:more|common frames)"
    r"|\s*Suppressed: |#(?: |$)|note: run with|goroutine \d+ |\s*--- End of "
)
_LIBRARIES = (
    *("java.", "javax.", "jdk.", "sun.", "kotlin.", "scala.", "System."),
    *(
        "org.junit.",
        "junit.",
        "org.opentest4j.",
        "org.assertj.",
        "org.hamcrest.",
        "org.testng.",
        "org.mockito.",
    ),
)
_FRAMES_KEPT = 48


@dataclass
class CrashReader:
    """Reads the lines of one process, from the first line of a crash to the end of its stacks."""

    takes_frames: ClassVar[bool] = False
    indented: ClassVar[bool] = False

    first: str
    _message: str = ""
    _native: tuple[Frame, ...] = ()
    _threads: list[tuple[bool, list[Frame]]] = field(default_factory=list)
    _expects_message: bool = False
    _effects: list[Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        announces = "panicked at" in self.first or self.first.startswith("CMake Error at ")
        self._expects_message = announces and self.first.endswith(":")

    @property
    def is_list(self) -> bool:
        """Whether it is a list of causes, whose lines follow each other."""
        return self.first in {_RUST_CAUSES, _GRADLE_CAUSES}

    def feed(self, text: str) -> FeedResult:
        """Take `text` if it belongs to the crash; CLOSED means that the crash ended before it."""
        if self.first == _GRADLE_CAUSES:
            return FeedResult.TAKEN if self._read_gradle(text) else FeedResult.CLOSED
        belongs = (
            not text.strip()
            or self._read_stack(text)
            or self._read_description(text)
            or bool(_OTHER_LINES.match(text))
        )
        return FeedResult.TAKEN if belongs else FeedResult.CLOSED

    def _read_stack(self, text: str) -> bool:
        """Read a line of a stack."""
        if thread := _THREAD.match(text):
            self._threads.append((thread["current"] == "Current thread", []))
            return True
        if counter := _COUNTER.match(text):
            function = _VARIANT.sub("", counter["function"])
            self._native = (Frame(file="native", line=0, function=function),)
            return True
        frame = _FRAME.match(text) or _JAVA_FRAME.match(text) or _DOTNET_FRAME.match(text)
        if frame is None:
            return False
        if not self._threads:
            self._threads.append((True, []))
        frames = self._threads[-1][1]
        if len(frames) < _FRAMES_KEPT:
            frames.append(Frame(file=frame["file"], line=int(frame["line"]), function=frame["function"]))
        return True

    def _read_description(self, text: str) -> bool:
        """Read the description of the crash below its first line."""
        if text.startswith("Fatal Python error: ") and self.first.startswith("*** SIG"):
            self.first = text  # the interpreter's own message about the signal follows that of the library
            return True
        if what := _WHAT.match(text) or _JAVA_SIGNAL.match(text):
            self._message = what["message"]
            return True
        if self.is_list and (listed := _LISTED.match(text)):
            if self._message and not listed["number"]:
                return False  # only several causes are numbered
            if self._message:
                self._effects.append(self._link())
            self._message = listed["message"]
            return True
        if cause := _CAUSE.match(text):
            self._effects.append(self._link())
            self.first = text[cause.start("type") :]
            self._threads.clear()
            return True
        expected, self._expects_message = self._expects_message, False
        if expected:
            self._message = text.strip()
        return expected

    def _read_gradle(self, text: str) -> bool:
        """Read what went wrong, up to the next point: each cause is below its effect, others are indented."""
        if not text.strip() or text.startswith("* "):
            return False
        cause = _GRADLE_CAUSE.match(text)
        if cause is not None:
            if self._message:
                self._effects.append(self._link())
            self._message = cause["message"]
        return True

    def links(self) -> tuple[Link, ...]:
        """Return the crash as exceptions, the innermost cause first."""
        return (self._link(), *(replace(effect, explicit=True) for effect in reversed(self._effects)))

    def _link(self) -> Link:
        """Return the exception that was read last, with its type if known, and the crashed thread's stack."""
        chosen = next((frames for current, frames in self._threads if current), None)
        frames = chosen if chosen is not None else (self._threads[0][1] if self._threads else [])
        if self.is_list:  # the innermost is the last
            return Link("", self._message or self.first, ())
        if named := _NAMED.match(self.first):
            own = [*dropwhile(_is_of_a_library, frames)] or frames
            return Link(named["type"], named["message"] or "", tuple(reversed(own)))
        if thrown := _THROWN.match(self.first):
            return Link(thrown["type"], self._message or self.first, tuple(reversed(frames)))
        message = f"{self.first} {self._message}".strip()
        return Link("", message, tuple(reversed(frames)) or self._native)


def _is_of_a_library(frame: Frame) -> bool:
    """Whether a frame is in the runtime or an assertion library, where the failure is not."""
    return frame.function.startswith(_LIBRARIES)


def begins_crash(text: str) -> bool:
    """Whether `text` is the first line of a crash that continues on further lines."""
    return bool(_BEGINS.match(text))


def is_of_crash(text: str) -> bool:
    """Whether `text` is surely a line of a crash: its first line, or one of the interpreter's stacks."""
    return begins_crash(text) or bool(_THREAD.match(text) or _FRAME.match(text))
