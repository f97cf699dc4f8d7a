"""Read the streamed suite report, the JSON lines that `bisect_stream` writes."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bisect_tool.supervise.files import open_regular
from bisect_tool.supervise.guardian_protocol import SECONDS_LIMIT
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from pathlib import Path


_LINE_BYTES = 4 << 20
_STREAM_BYTES = 256 << 20
Seconds = Annotated[float, Field(ge=-SECONDS_LIMIT, le=SECONDS_LIMIT, allow_inf_nan=False)]
"""A point in time or a duration. A test can write any number; larger ones would break sums and dates."""
_LineNumber = Annotated[int, Field(ge=0, lt=1 << 31)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class _Record(_Model):
    time: Seconds = Field(description="epoch seconds")


class CrashReport(_Model):
    """An exception as pytest reported it; frames are `(file, line, function)`, outermost first.

    `captured` is what the test and the processes below it printed.
    """

    exception: str
    message: str
    frames: tuple[tuple[str, _LineNumber, str], ...] = ()
    text: str = ""
    captured: str = ""


class Collected(_Record):
    """The cells that will run; for a project, also the files that were read."""

    event: Literal["collected"]
    cells: tuple[str, ...]
    files: tuple[str, ...] = ()


class Uncollectable(_Record):
    """A file that cannot be read as a suite."""

    event: Literal["uncollectable"]
    cell: str
    failure: CrashReport


class Unread(_Record):
    """A file that skips all of its tests."""

    event: Literal["unread"]
    cell: str
    reason: str


class Started(_Record):
    """A cell started."""

    event: Literal["start"]
    cell: str


class Phase(_Record):
    """A cell's set-up, call or teardown ended.

    `logs` names the log files that belong to it; `window` is the relevant part of them, as (from, to) in
    epoch seconds. `hint` is the outcome that the exception asks for (hung, infrastructure). `expected`: it
    failed, as its xfail mark expects.
    """

    event: Literal["phase"]
    cell: str
    phase: Literal["setup", "call", "teardown"]
    outcome: Literal["passed", "failed", "skipped"]
    seconds: Seconds
    failure: CrashReport | None = None
    hint: Outcome | None = None
    reason: str | None = None
    expected: bool = False
    logs: tuple[str, ...] = ()
    window: tuple[Seconds, Seconds] | None = None


class Finished(_Record):
    """The suite ended; `exit` is pytest's exit code."""

    event: Literal["finish"]
    exit: int


Record = Collected | Uncollectable | Unread | Started | Phase | Finished


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Annotated[Record, Field(discriminator="event")])


def read_stream(path: Path) -> tuple[Record, ...]:
    """Return the records of a report, finished or not; a line that was cut short is skipped.

    So are lines that are not records, because a test can write to the file as well. Only a regular file is
    read.
    """
    records = []
    with suppress(OSError), open_regular(path) as file:  # no report, or no regular file
        while file.tell() < _STREAM_BYTES and (line := file.readline(_LINE_BYTES)):
            with suppress(ValidationError):
                records.append(_adapter().validate_json(line))
    return tuple(records)
