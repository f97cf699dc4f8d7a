"""Find cells that were added within the history: if one never passed, it was born red."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.timeline import Timeline

_BUILDS_WITHOUT_THE_JOB = 3
"""A build may lack a job; if this many earlier builds lack it, it did not exist."""


def new_cells(timelines: Iterable[Timeline]) -> frozenset[CellKey]:
    """Return the cells first seen after results of their job, or after several builds without their job."""
    timelines = tuple(timelines)
    jobs: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    series: defaultdict[str, set[int]] = defaultdict(set)
    for each in timelines:
        positions = {commit.position for commit in each.conclusive}
        jobs[each.key.series, each.key.job] |= positions
        series[each.key.series] |= positions
    return frozenset(
        each.key
        for each in timelines
        if _count_earlier(jobs[each.key.series, each.key.job], each) > 0
        or _count_earlier(series[each.key.series], each) >= _BUILDS_WITHOUT_THE_JOB
    )


def _count_earlier(positions: set[int], timeline: Timeline) -> int:
    """Count the positions with results before the cell's first observation."""
    first = timeline.commits[0].position
    return sum(position < first for position in positions)
