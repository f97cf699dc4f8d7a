"""Which commits cut the suspects best: by count of ancestors, and away from what could not be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.search.dag import Dag


def choose(
    dag: Dag, suspects: Sequence[int], untried: Sequence[int], skipped: Sequence[int], k: int
) -> tuple[int, ...]:
    """Up to `k` of the untried suspects whose ancestor counts are nearest to the k-quantiles.

    With k = 1 and no skips this is git's choice, the commit with the most balanced count.
    """
    weight = dict(zip(suspects, dag.weights(suspects), strict=True))
    chance = _chances(dag, suspects, skipped)
    left = dict.fromkeys(untried)
    chosen = []
    for part in range(1, min(k, len(left)) + 1):
        target = len(suspects) * part / (k + 1)
        best = max(left, key=lambda commit: _tent(weight[commit], target, len(suspects)) * chance[commit])
        del left[best]
        chosen.append(best)
    return tuple(chosen)


def _tent(weight: int, target: float, total: int) -> float:
    """1 at the target, falling in a straight line to 0 at both ends of the range."""
    return weight / target if weight <= target else (total - weight) / (total - target)


def _chances(dag: Dag, suspects: Sequence[int], skipped: Sequence[int]) -> Mapping[int, float]:
    """How likely each suspect can be tried at all.

    What cannot be tried comes in stretches. Each skip doubles the length believed of them, so that the
    search leaves a long stretch in a few steps, and a single bad build costs next to nothing.
    """
    if not skipped:
        return dict.fromkeys(suspects, 1.0)
    stretch = 2 ** min(len(skipped), len(suspects).bit_length())
    distance = dag.distances(suspects, skipped)
    return {
        commit: hops / (hops + stretch) if (hops := distance.get(commit)) is not None else 1.0
        for commit in suspects
    }
