"""Which commits cut the suspects best: by count of ancestors, and away from what could not be tried."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.dag import Dag

_REACH = 6.0
"""Hops at which a skipped commit leaves its neighbour an even chance. Over simulated ranges of 300 with
stretches of 1 to 150 commits that cannot be tried, 4 to 12 cost the same within a trial, below 2 the search
crawls through a stretch, and git's random jumps cost up to a half more."""


def choose(
    dag: Dag, suspects: Sequence[int], untried: Sequence[int], skipped: Sequence[int], k: int
) -> tuple[int, ...]:
    """Up to `k` of the untried suspects: the most information, near the k-quantiles, for a likely answer.

    With k = 1 and no skips this is git's choice, the commit with the most balanced count of ancestors.
    """
    weight = dict(zip(suspects, dag.weights(suspects), strict=True))
    chance = _log_chances(dag, suspects, skipped)
    left = dict.fromkeys(untried)
    chosen = []
    for part in range(1, min(k, len(left)) + 1):
        target = len(suspects) * part / (k + 1)
        gain = {commit: log(_bits(weight[commit], target, len(suspects))) + chance[commit] for commit in left}
        best = max(gain, key=gain.__getitem__)
        del left[best]
        chosen.append(best)
    return tuple(chosen)


def _bits(weight: int, target: float, total: int) -> float:
    """The entropy of the answer, with the range stretched so that the target lies in its middle."""
    if weight > target:
        weight, target = total - weight, total - target
    share = weight / (2 * target)
    return -share * log(share) - (1 - share) * log(1 - share)


def _log_chances(dag: Dag, suspects: Sequence[int], skipped: Sequence[int]) -> dict[int, float]:
    """The logarithm of how likely each suspect can be tried at all, up to a factor.

    What cannot be tried comes in stretches, so every skip speaks against its neighbours, d hops away, by
    d / (d + reach). Over a run of L skips the product falls off with a length that grows with L: the search
    leaves a long stretch in a few steps, and a single bad build costs next to nothing.
    """
    chances = dict.fromkeys(suspects, 0.0)
    for skip in skipped:
        for commit, hops in dag.distances(suspects, skip).items():
            if hops:
                chances[commit] += log(hops / (hops + _REACH))
    return chances
