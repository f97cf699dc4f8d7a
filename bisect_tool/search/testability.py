"""Estimate the probability that a commit is testable, from the untestable ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Floats

_REACH = 6.0
"""The distance in hops at which an untestable commit halves the estimate. Over simulated ranges of 300
commits with untestable stretches of 1 to 150, values of 4 to 12 cost the same within a trial; below 2 the
search crawls through a stretch, and git's random jumps cost up to half as much again."""


def testable(dag: Dag, skipped: Iterable[int]) -> Floats:
    """P(testable) of each commit, up to a factor; 0 for one that was skipped.

    Untestable commits come in stretches, so every skip multiplies the estimate of a commit d hops away by
    d / (d + reach). Over L skips in a row the product falls off with a length that grows with L: the search
    leaves a long stretch in a few steps, and a single broken build costs almost nothing.
    """
    chance = np.ones(len(dag.candidates))
    for skip in skipped:
        hops = dag.distances(skip)
        chance *= hops / (hops + _REACH)
    return chance
