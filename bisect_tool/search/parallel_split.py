"""Split a line of suspects by k parallel trials, if runs have no noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def partition(weights: Sequence[float], k: int) -> tuple[int, ...]:
    """Up to `k` ascending positions to try; a failure at position p leaves the suspects i <= p.

    Many suspects are split into k + 1 parts of equal weight. At most (k + 1)^2 suspects take two rounds; the
    first then isolates as much weight as possible in single suspects, with the rest in parts of at most k +
    1, as in the tree with the shortest paths (Huffman 1952, for k + 1 branches).

    Args:
        weights: The weight of each suspect, ancestors first.
        k: How many trials there are.
    """
    count = len(weights)
    if count <= k + 1:
        return tuple(range(count - 1))
    if count > (k + 1) ** 2:
        total = np.cumsum(weights)
        targets = total[-1] * np.arange(1, k + 1) / (k + 1)
        cuts = np.abs(total[None, :-1] - targets[:, None]).argmin(axis=1)
        return tuple(int(cut) for cut in np.unique(cuts))
    return _shortest(weights, k)


def _shortest(weights: Sequence[float], k: int) -> tuple[int, ...]:
    """Return the splits that leave the least weight in parts of 2 to k + 1 suspects."""
    count = len(weights)
    total = np.concatenate(([0.0], np.cumsum(weights)))
    # best[parts][end]: the least weight left open when the first `end` suspects make so many parts.
    best = np.full((k + 2, count + 1), np.inf)
    came = np.zeros((k + 2, count + 1), dtype=int)
    best[0, 0] = 0.0
    for parts in range(1, k + 2):
        for end in range(1, count + 1):
            begins = np.arange(max(0, end - k - 1), end)
            left = best[parts - 1, begins] + np.where(end - begins > 1, total[end] - total[begins], 0.0)
            chosen = int(left.argmin())
            best[parts, end], came[parts, end] = left[chosen], begins[chosen]
    cuts = []
    end = count
    for parts in range(int(best[:, count].argmin()), 1, -1):
        end = int(came[parts, end])
        cuts.append(end - 1)
    return tuple(sorted(cuts))
