"""The number of runs that every search needs: information theory for a noisy test."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.search.problem import Noise

_NARROWINGS = 200
"""Each leaves two thirds of the interval: far below the precision of a float."""


def entropy(chance: float) -> float:
    """The entropy, in bits, of an event with this probability."""
    return -sum(share * log2(share) for share in (chance, 1 - chance) if share > 0)


def information(bad_share: float, noise: Noise) -> float:
    """The mean information of one run, in bits, if it is at a bad commit with this probability."""
    bad, good = noise.p_fail_bad, noise.p_fail_good
    fails = bad_share * bad + (1 - bad_share) * good
    return entropy(fails) - bad_share * entropy(bad) - (1 - bad_share) * entropy(good)


def capacity(noise: Noise) -> float:
    """The largest information of one run, in bits: the capacity of the (asymmetric) binary channel.

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
    """The runs needed to send log2 of the candidates and of the odds against an error through the noise.

    A reference rather than a floor that holds to the run: a search may stop early by chance.
    """
    return (log2(candidates) - log2(1 - confidence)) / capacity(noise)
