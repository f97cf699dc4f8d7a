"""Create the goal of a walk back to an unknown end, with results observed elsewhere."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bisect_tool.planner import WalkGoal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.git import Range, Repository
    from bisect_tool.mode import Walk
    from bisect_tool.request import Request

_HISTORY = 10_000_000


def walk_goal(request: Request, mode: Walk, repository: Repository, span: Range) -> WalkGoal:
    """Return the goal of a walk."""
    return WalkGoal(
        stops=tuple(reversed([commit.sha for commit in span.commits])),
        fix=mode.find == "fix",
        endpoint_runs=mode.endpoint_runs,
        observed=_observed(mode, repository.first_parents(request.bad, _HISTORY))
        if mode.observations
        else {},
    )


def _observed(mode: Walk, history: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return for each test the commits before the end at which it passed, up to the last failure before.

    With `find="fix"`, those at which it failed. Newest first; `history` is oldest first.
    """
    places = {sha: place for place, sha in enumerate(history[:-1])}
    passed: defaultdict[str, set[int]] = defaultdict(set)
    failed: defaultdict[str, set[int]] = defaultdict(set)
    for each in mode.observations:
        if each.commit in places:
            if each.failed:
                failed[each.cell].add(places[each.commit])
            elif each.passed:
                passed[each.cell].add(places[each.commit])
    found = (
        failed
        if mode.find == "fix"
        else {
            cell: {place for place in at if place < min(failed[cell], default=len(history))}
            for cell, at in passed.items()
        }
    )
    return {cell: tuple(history[place] for place in sorted(at, reverse=True)) for cell, at in found.items()}
