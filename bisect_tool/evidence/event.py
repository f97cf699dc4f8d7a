"""Events of processes, such as an error or an exit, and the failure that pytest reported."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

EventKind = Literal["exception", "log", "exit", "leak", "test", "hang"]
Severity = Literal["info", "warning", "error"]


class Frame(BaseModel):
    """A frame of a stack; `function` is empty if the log does not name it."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    function: str


class Event(BaseModel):
    """Something that one process reported: an exception, a log line, its exit.

    Attributes:
        time: epoch seconds at which its first line was seen.
        source: stem of its log file; `suite` for the failure that pytest reported.
        role: `Worker_DP0_TP0`, `Launcher` (no prefix), `Test`.
        pid: process id, if the line named one.
        exception: dotted name of the exception type, or empty.
        message: first line of the message, cleaned.
        frames: outermost first, as Python prints them.
        lines: the cleaned lines that it was read from; head and tail of a long event.
        exit: exit code or signal of a command as text; empty for other events.
        line: number of its first line in the log; 0 if unknown.
        stage: how far it is from a cause (`patterns.Stage`), by its text or its chain of exceptions; None if
            unknown.
        own_frame: innermost frame of the engine's or a test's code, as in a signature; None in events that
            older versions stored.
    """

    model_config = ConfigDict(frozen=True)

    time: float
    source: str
    role: str
    pid: int | None = None
    kind: EventKind
    severity: Severity
    exception: str = ""
    message: str = ""
    frames: tuple[Frame, ...] = ()
    lines: tuple[str, ...] = ()
    exit: str = ""
    line: int = 0
    stage: str | None = None
    own_frame: str | None = None

    @property
    def headline(self) -> str:
        """The exit code of a command if there is one, then the exception and its message as in Python."""
        return ": ".join(part for part in (self.exit, self.exception, self.message) if part)


class SuiteFailure(BaseModel):
    """The failure that pytest reported for a cell; the `exception` of a hang ends in `Hang` or `Hung`."""

    model_config = ConfigDict(frozen=True)

    phase: Literal["setup", "call", "teardown"]
    exception: str
    message: str
    frames: tuple[Frame, ...] = ()
    time: float
