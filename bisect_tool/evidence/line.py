"""One line of one log, with the time at which it was seen."""

from __future__ import annotations

from typing import NamedTuple


class LogLine(NamedTuple):
    """A line of a log; a tuple, because millions are created within seconds.

    Attributes:
        source: stem of the log file, such as `4-rank0`.
        time: epoch seconds at which the line was seen.
        text: the raw text; may contain anything, such as colours or a prefix.
        number: its number in the log, counted from 1; 0 if unknown.
    """

    source: str
    time: float
    text: str
    number: int = 0
