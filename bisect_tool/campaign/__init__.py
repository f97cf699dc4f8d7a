"""The campaign: what to run next for all cells at once, and what the trials so far say. Pure.

Everything is decided from the list of trials that ran, so a resumed session takes up exactly where it was.
"""

from bisect_tool.campaign.decide import decide, granting_retries, settle, so_far
from bisect_tool.campaign.fixes import heal
from bisect_tool.campaign.goal import (
    Belief,
    CellConclusion,
    EndCounts,
    Finding,
    Goal,
    Graft,
    Purpose,
    Repeat,
    State,
    Step,
)
from bisect_tool.campaign.repeat import Tally, repeat, tally

__all__ = [
    "Belief",
    "CellConclusion",
    "EndCounts",
    "Finding",
    "Goal",
    "Graft",
    "Purpose",
    "Repeat",
    "State",
    "Step",
    "Tally",
    "decide",
    "granting_retries",
    "heal",
    "repeat",
    "settle",
    "so_far",
    "tally",
]
