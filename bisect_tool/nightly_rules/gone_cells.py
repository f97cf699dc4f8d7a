"""Find cells that are no longer run: skipped, renamed or deleted tests, whose job still runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.timeline import Timeline

_COMMITS = 3
"""A build may end before it runs a test; a test that did not run at this many newer commits is gone."""


def gone_cells(timelines: Iterable[Timeline]) -> frozenset[CellKey]:
    """Return the tests without a result at several newer commits at which other tests of the job passed.

    If all others failed, the job may have ended before the test. A whole job is never gone: it has its own
    result only if no test failed.
    """
    timelines = tuple(timelines)
    passed: defaultdict[CellKey, set[int]] = defaultdict(set)
    for each in timelines:
        if each.key.cell:
            passed[_job(each.key)] |= {commit.position for commit in each.conclusive if commit.passed}
    return frozenset(
        each.key for each in timelines if each.key.cell and _is_gone(each, passed[_job(each.key)])
    )


def _job(key: CellKey) -> CellKey:
    return replace(key, cell="")


def _is_gone(timeline: Timeline, passed: Iterable[int]) -> bool:
    last = timeline.newest
    return last is not None and sum(position > last.position for position in passed) >= _COMMITS
