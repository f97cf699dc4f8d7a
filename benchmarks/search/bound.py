"""How many runs no search can do without: information theory for a test that errs."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.search.problem import Noise

_NARROWINGS = 200
"""Each leaves two thirds of the interval: far below the precision of a float."""


def entropy(chance: float) -> float:
    """Bits in the answer to a question that is yes with this chance."""
    return -sum(share * log2(share) for share in (chance, 1 - chance) if share > 0)


def information(bad_share: float, noise: Noise) -> float:
    """Bits that one run tells, on average, when it is done at a bad commit with this chance."""
    bad, good = noise.p_fail_bad, noise.p_fail_good
    fails = bad_share * bad + (1 - bad_share) * good
    return entropy(fails) - bad_share * entropy(bad) - (1 - bad_share) * entropy(good)


def capacity(noise: Noise) -> float:
    """Bits that one run tells at best: the capacity of the binary channel, in general an asymmetric one.

    The information is concave in the share of bad commits, so its maximum is found by narrowing.
    """
    low, high = 0.0, 1.0
    for _ in range(_NARROWINGS):
        left, right = (2 * low + high) / 3, (low + 2 * high) / 3
        if information(left, noise) < information(right, noise):
            low = left
        else:
            high = right
    return information((low + high) / 2, noise)


def runs(candidates: int, noise: Noise, confidence: float) -> float:
    """The runs it takes to send log2 of the candidates and of the odds against an error through the noise.

    A reference rather than a floor that holds to the run: a search may stop early where it was lucky.
    """
    return (log2(candidates) - log2(1 - confidence)) / capacity(noise)
