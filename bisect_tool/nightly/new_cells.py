"""Cells that did not exist when the history began: a red one was born red."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.nightly.timeline import Timeline
    from bisect_tool.sources.observation import CellKey

_BUILDS_WITHOUT_THE_JOB = 3
"""A build may miss a job; a job that several builds in a row miss did not exist."""


def new_cells(timelines: Iterable[Timeline]) -> frozenset[CellKey]:
    """The cells first seen after their job had results, or after several builds without their job."""
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
        if _earlier(jobs[each.key.series, each.key.job], each) > 0
        or _earlier(series[each.key.series], each) >= _BUILDS_WITHOUT_THE_JOB
    )


def _earlier(positions: set[int], timeline: Timeline) -> int:
    """At how many positions there are results before the cell is first mentioned."""
    first = timeline.commits[0].position
    return sum(position < first for position in positions)
