"""Find commits that no trial can distinguish, because the commits between them are untestable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.dag import Dag


def block(dag: Dag, commit: int, skipped: Sequence[int]) -> tuple[int, ...]:
    """The commits with the same testable descendants as `commit` (a commit descends from itself); ascending.

    Whichever is the first bad commit, every testable commit has the same verdict.
    """
    if not skipped:
        return (commit,)
    untestable = set(skipped)
    around = _around(dag, commit, untestable)
    descendants = {each: dag.descendants(each) - untestable for each in around}
    return tuple(sorted(each for each in around if descendants[each] == descendants[commit]))


def _around(dag: Dag, commit: int, untestable: set[int]) -> set[int]:
    """Return the commits reachable over untestable ones: a superset of the indistinguishable ones.

    Two of these have the same lowest testable descendants, with only untestable commits in between.
    """
    found = {commit}
    stack = [commit]
    while stack:
        here = stack.pop()
        beside = dag.neighbours[here] if here in untestable else dag.edges[here]
        for other in beside:
            if other not in found and (other in untestable or here in untestable):
                found.add(other)
                stack.append(other)
    return found
