"""What the progress display shows: the state of a session at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.expected_cost import ExpectedCost
    from bisect_tool.planner import Belief
    from bisect_tool.terminal.log_tail import StreamTail


@dataclass(frozen=True)
class RunningTrial:
    """The running trial of one slot; `began` is a time of the display's clock."""

    slot: int
    commit: str
    subject: str
    purpose: str
    began: float
    phase: str = "checkout"
    tail: StreamTail | None = None


@dataclass(frozen=True)
class Snapshot:
    """The state of the display; times are of one monotonic clock, in seconds.

    `mean_s`, the mean duration of a trial, and `cost_left` are None until a trial has ended, here or in an
    earlier session; `searching`: the session narrows a range; `busy`: the measure that shows other work on
    the machine, or empty.
    """

    began: float
    slots: int = 1
    searching: bool = True
    remaining: int = 0
    disagreement: str = ""
    steps_left: int = 0
    mean_s: float | None = None
    cost_left: ExpectedCost | None = None
    running: tuple[RunningTrial, ...] = ()
    beliefs: tuple[Belief, ...] = ()
    busy: str = ""
