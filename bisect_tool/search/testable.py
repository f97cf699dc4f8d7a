"""How likely a commit can be tried at all, from those that could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Floats

_REACH = 6.0
"""Hops at which a skipped commit leaves its neighbour an even chance. Over simulated ranges of 300 with
stretches of 1 to 150 commits that cannot be tried, 4 to 12 cost the same within a trial, below 2 the search
crawls through a stretch, and git's random jumps cost up to a half more."""


def testable(dag: Dag, skipped: Iterable[int]) -> Floats:
    """The chance of each commit to be testable, up to a factor; none for one that was skipped.

    What cannot be tried comes in stretches, so every skip speaks against its neighbours, d hops away, by
    d / (d + reach). Over a run of L skips the product falls off with a length that grows with L: the search
    leaves a long stretch in a few steps, and a single bad build costs next to nothing.
    """
    chance = np.ones(len(dag.candidates))
    for skip in skipped:
        hops = dag.distances(skip)
        chance *= hops / (hops + _REACH)
    return chance
