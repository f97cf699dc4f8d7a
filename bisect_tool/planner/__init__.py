"""Choose the next trial and draw conclusions for all cells, from the trials so far. Pure.

Nothing but the list of trials is used, so a resumed session continues exactly where it stopped.
"""

from bisect_tool.planner.bisect import BisectPlanner, StepPlanner, conclude_early, decide
from bisect_tool.planner.fixes import FixesPlanner, decide_fixes
from bisect_tool.planner.planner import Planner
from bisect_tool.planner.repro import ReproPlanner, Tally, decide_repro, tally
from bisect_tool.planner.types import (
    Belief,
    CellConclusion,
    EndCounts,
    Finding,
    FixCommit,
    FixGoal,
    Goal,
    Purpose,
    ReproGoal,
    State,
    Step,
)
from bisect_tool.planner.walk import WalkGoal, WalkPlanner, found_end

__all__ = [
    "Belief",
    "BisectPlanner",
    "CellConclusion",
    "EndCounts",
    "Finding",
    "FixCommit",
    "FixGoal",
    "FixesPlanner",
    "Goal",
    "Planner",
    "Purpose",
    "ReproGoal",
    "ReproPlanner",
    "State",
    "Step",
    "StepPlanner",
    "Tally",
    "WalkGoal",
    "WalkPlanner",
    "conclude_early",
    "decide",
    "decide_fixes",
    "decide_repro",
    "found_end",
    "tally",
]
