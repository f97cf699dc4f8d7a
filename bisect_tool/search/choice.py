"""Which commits cut the suspects best: by count of ancestors, and away from what could not be tried."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from bisect_tool.search.dag import Dag

_REACH = 6.0
"""Hops at which a skipped commit leaves its neighbour an even chance. Over simulated ranges of 300 with
stretches of 1 to 150 commits that cannot be tried, 4 to 12 cost the same within a trial, below 2 the search
crawls through a stretch, and git's random jumps cost up to a half more."""

_SURE = 1e-9
"""Stands for no suspects at all: an answer that is sure is not worth a trial unless nothing else is."""


def within(
    dag: Dag, suspects: Sequence[int], untried: Iterable[int], skipped: Iterable[int], k: int
) -> tuple[int, ...]:
    """Up to `k` of the untried suspects: the most information, near the k-quantiles, for a likely answer.

    With k = 1 and no skips this is git's choice, the commit with the most balanced count of ancestors.
    """
    weight = dict(zip(suspects, dag.weights(suspects), strict=True))
    chance = _log_chances(dag, suspects, skipped)
    return _choose({commit: weight[commit] for commit in untried}, len(suspects), chance, k)


def beside(dag: Dag, suspects: Sequence[int], known: AbstractSet[int], k: int) -> tuple[int, ...]:
    """Up to `k` commits that are no suspects themselves, but have some suspects under them and not others.

    They are what is left to ask on a merged history when every suspect was skipped. No one needs an answer
    from two that have the same suspects under them, so only the first of those is offered.
    """
    under = dag.suspects_under(suspects)
    everything = (1 << len(suspects)) - 1
    first: dict[int, int] = {}
    for commit, some in enumerate(under):
        if some and some != everything and commit not in known:
            first.setdefault(some, commit)
    weight = {commit: some.bit_count() for some, commit in first.items()}
    return _choose(weight, len(suspects), dict.fromkeys(weight, 0.0), k)


def _choose(weight: Mapping[int, int], total: int, chance: Mapping[int, float], k: int) -> tuple[int, ...]:
    left = dict(weight)
    chosen = []
    for part in range(1, min(k, len(left)) + 1):
        target = total * part / (k + 1)
        gain = {commit: log(_bits(count, target, total)) + chance[commit] for commit, count in left.items()}
        best = max(gain, key=gain.__getitem__)
        del left[best]
        chosen.append(best)
    return tuple(chosen)


def _bits(weight: int, target: float, total: int) -> float:
    """The entropy of the answer, with the range stretched so that the target lies in its middle."""
    if weight > target:
        weight, target = total - weight, total - target
    share = max(weight, _SURE) / (2 * target)
    return -share * log(share) - (1 - share) * log(1 - share)


def _log_chances(dag: Dag, suspects: Sequence[int], skipped: Iterable[int]) -> dict[int, float]:
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
