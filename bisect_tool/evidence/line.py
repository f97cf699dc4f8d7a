"""One line of one log, with the time at which it was seen."""

from __future__ import annotations

from typing import NamedTuple


class LogLine(NamedTuple):
    """A line as it stood in a log; a tuple, of which millions are made in seconds.

    Attributes:
        source: stem of the log file, such as `4-rank0`.
        time: epoch seconds at which the line was seen.
        text: the raw text; may hold colours, a prefix, anything.
        number: its number in the log, from 1; 0 where nobody counted.
    """

    source: str
    time: float
    text: str
    number: int = 0
