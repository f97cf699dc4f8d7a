"""Which commits to try next, when to stop, how sure: pure, without I/O, clock or git."""

from bisect_tool.search.bisection import Bisection
from bisect_tool.search.conclusion import Candidates, Conclusion, Contradiction, Culprit
from bisect_tool.search.dag import Dag
from bisect_tool.search.endpoints import Endpoints, EndState, Runs

__all__ = [
    "Bisection",
    "Candidates",
    "Conclusion",
    "Contradiction",
    "Culprit",
    "Dag",
    "EndState",
    "Endpoints",
    "Runs",
]
