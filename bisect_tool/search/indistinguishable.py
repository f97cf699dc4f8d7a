"""Commits that no trial can tell apart, since those between them cannot be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.dag import Dag


def block(dag: Dag, commit: int, skipped: Sequence[int]) -> tuple[int, ...]:
    """The commits that have the same testable commits above them, themselves included; ascending.

    If one of them is the first bad commit, every testable commit answers the same whichever it is.
    """
    if not skipped:
        return (commit,)
    silent = set(skipped)
    around = _around(dag, commit, silent)
    above = {each: dag.descendants(each) - silent for each in around}
    return tuple(sorted(each for each in around if above[each] == above[commit]))


def _around(dag: Dag, commit: int, silent: set[int]) -> set[int]:
    """What can be reached from a commit over commits that cannot be tried; its like is among them.

    Two commits alike have the same lowest testable commits above them, and what lies between is silent.
    """
    found = {commit}
    stack = [commit]
    while stack:
        here = stack.pop()
        beside = dag.neighbours[here] if here in silent else dag.edges[here]
        for other in beside:
            if other not in found and (other in silent or here in silent):
                found.add(other)
                stack.append(other)
    return found
