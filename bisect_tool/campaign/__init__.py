"""The campaign: what to run next for all cells at once, and what the trials so far say. Pure.

Everything is decided from the list of trials that ran, so a resumed session takes up exactly where it was.
"""

from bisect_tool.campaign.decide import decide, granting_retries, settle, so_far
from bisect_tool.campaign.goal import (
    Belief,
    CellConclusion,
    EndCounts,
    Finding,
    Goal,
    Purpose,
    State,
    Step,
)

__all__ = [
    "Belief",
    "CellConclusion",
    "EndCounts",
    "Finding",
    "Goal",
    "Purpose",
    "State",
    "Step",
    "decide",
    "granting_retries",
    "settle",
    "so_far",
]
