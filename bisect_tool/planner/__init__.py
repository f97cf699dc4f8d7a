"""Choose the next trial and draw conclusions for all cells, from the trials so far. Pure.

Nothing but the list of trials is used, so a resumed session continues exactly where it stopped.
"""

from bisect_tool.planner.bisect import conclude_early, current_state, decide, with_extra_retries
from bisect_tool.planner.fixes import decide_fixes
from bisect_tool.planner.repro import Tally, decide_repro, tally
from bisect_tool.planner.types import (
    Belief,
    CellConclusion,
    EndCounts,
    Finding,
    FixCommit,
    Goal,
    Purpose,
    Repeat,
    State,
    Step,
)

__all__ = [
    "Belief",
    "CellConclusion",
    "EndCounts",
    "Finding",
    "FixCommit",
    "Goal",
    "Purpose",
    "Repeat",
    "State",
    "Step",
    "Tally",
    "conclude_early",
    "current_state",
    "decide",
    "decide_fixes",
    "decide_repro",
    "tally",
    "with_extra_retries",
]
