"""Find the first testable commit when the passing end and commits near it give no result.

A test that was added inside the range cannot run before it existed. The planner then bisects between the
untestable commits and the oldest failing one, until a commit passes (and bounds the search) or none is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.search import Dag


def next_above(dag: Dag, silent: Collection[str], failed: Collection[str]) -> str | None:
    """The middle commit between the untestable (`silent`) ones and the oldest failing one, or None."""
    oldest = oldest_of(dag, failed)
    if oldest is None:
        return None
    below = dag.ancestors([dag.index[oldest]]) - {dag.index[oldest]}
    passed_over = dag.ancestors(dag.index[sha] for sha in silent if sha in dag.index)
    left = sorted(below - passed_over)
    return dag.candidates[left[len(left) // 2]] if left else None


def oldest_of(dag: Dag, shas: Collection[str]) -> str | None:
    """The first of these commits in the order of the range; None if none is in it."""
    return min((sha for sha in shas if sha in dag.index), key=dag.index.__getitem__, default=None)
