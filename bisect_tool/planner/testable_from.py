"""Where neither a passing end nor what lies above it tells anything: from which commit on there is an answer.

A check or test that came within the range says nothing before it. So the way goes up, halving what lies
between the commits that told nothing and the oldest that failed, until one passes (then there is a range to
search) or nothing is left between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.search import Dag


def next_above(dag: Dag, silent: Collection[str], failed: Collection[str]) -> str | None:
    """The commit to try next; None where none is left between `silent` ones and the oldest that failed."""
    oldest = oldest_of(dag, failed)
    if oldest is None:
        return None
    below = dag.ancestors([dag.index[oldest]]) - {dag.index[oldest]}
    passed_over = dag.ancestors(dag.index[sha] for sha in silent if sha in dag.index)
    left = sorted(below - passed_over)
    return dag.candidates[left[len(left) // 2]] if left else None


def oldest_of(dag: Dag, shas: Collection[str]) -> str | None:
    """The first of these commits in the order of the range."""
    return min((sha for sha in shas if sha in dag.index), key=dag.index.__getitem__, default=None)
