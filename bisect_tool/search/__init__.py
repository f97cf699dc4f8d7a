"""Search for one cell's culprit: inference, stopping, planning. Pure: without I/O, clock or git."""

from bisect_tool.search.bisection import Bisection
from bisect_tool.search.conclusion import (
    Candidates,
    Conclusion,
    Contradiction,
    Culprit,
    Flaky,
    Undecided,
)
from bisect_tool.search.dag import Dag
from bisect_tool.search.inference import Inference
from bisect_tool.search.planning import IDLE_BITS

__all__ = [
    "IDLE_BITS",
    "Bisection",
    "Candidates",
    "Conclusion",
    "Contradiction",
    "Culprit",
    "Dag",
    "Flaky",
    "Inference",
    "Undecided",
]
