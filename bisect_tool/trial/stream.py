"""The streamed suite report as a file format: what `bisect_stream` writes, read back."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from pathlib import Path


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    time: float = Field(description="epoch seconds")


class CrashReport(BaseModel):
    """What pytest saw of an exception; frames are `(file, line, function)`, outermost first."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    exception: str
    message: str
    frames: tuple[tuple[str, int, str], ...] = ()
    text: str = ""


class Collected(_Record):
    """The cells that will run."""

    event: Literal["collected"]
    cells: tuple[str, ...]


class Uncollectable(_Record):
    """A file that cannot be read as a suite."""

    event: Literal["uncollectable"]
    cell: str
    failure: CrashReport


class Started(_Record):
    """A cell begins."""

    event: Literal["start"]
    cell: str


class Phase(_Record):
    """A cell's set-up, call or teardown ended.

    `logs` names the log files that belong to it, `window` the epoch seconds between which they matter;
    `hint` is an outcome that the failing exception claims for itself (hung, infrastructure).
    """

    event: Literal["phase"]
    cell: str
    phase: Literal["setup", "call", "teardown"]
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    failure: CrashReport | None = None
    hint: Outcome | None = None
    reason: str | None = None
    logs: tuple[str, ...] = ()
    window: tuple[float, float] | None = None


class Finished(_Record):
    """The suite reached its end with pytest's exit code."""

    event: Literal["finish"]
    exit: int


Record = Collected | Uncollectable | Started | Phase | Finished


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Annotated[Record, Field(discriminator="event")])


def read_stream(path: Path) -> tuple[Record, ...]:
    """The records of a report as far as it came; a line that a kill cut short is passed over."""
    if not path.exists():
        return ()
    records = []
    for line in path.read_bytes().splitlines():
        try:
            records.append(_adapter().validate_json(line))
        except ValidationError:
            continue
    return tuple(records)
