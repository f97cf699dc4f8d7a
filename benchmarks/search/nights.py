"""Runs saved by known nights: searches with the results of the nights around a range, and without."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search.output import progress, table
from benchmarks.search.problem import Noise
from bisect_tool.search.counted_runs import Count
from bisect_tool.search.earlier_runs import EarlierRuns
from bisect_tool.simulate import simulate
from bisect_tool.simulate.searches import linear_searches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.search.size import Size
    from bisect_tool.simulate.simulate import KnownRange, SearchOutcome

ROWS = ((128, Noise(0.3, 0)), (32, Noise(0.6, 0.1)), (128, Noise(1, 0)))
ALLOWED = dict(zip(ROWS, (66, 44, 12), strict=True))
"""Mean runs that a row may take with 20 nights before and 5 from the first red one on."""

BEFORE, FROM_RED = 20, 5
SETTINGS = simulate.SearchSettings(endpoint_runs=60)
SEED = 1


class Known(StrEnum):
    """Which nights are known: one run each, at the good end and before it, at the bad end and after it.

    The good end passed and the bad end failed, else no search would start between them. All other nights are
    drawn; but nights that are known because they passed underestimate false alarms.
    """

    NONE = "none"
    DRAWN = "20 and 5, as they come"
    GREEN = "20 that passed, and 5"


def report(size: Size, seed: int = SEED) -> str:
    """The table: one row for each noise and for each kind of nights that are known."""
    return table(
        (
            "n",
            "P(fail bad), P(fail good)",
            "nights",
            "mean runs",
            "target, at most",
            "right",
            "right among named",
            "claimed",
        ),
        [_row(row, known, size.runs, seed) for row in ROWS for known in Known],
    )


def _row(row: tuple[int, Noise], known: Known, runs: int, seed: int) -> tuple[object, ...]:
    began = time.monotonic()
    found = searches(*row, known, runs, seed)
    named = [each for each in found if each.named is not None]
    progress(f"{row[0]} commits, {row[1]}, nights: {known}: {time.monotonic() - began:.0f} s")
    return (
        *row,
        known,
        f"{np.mean([each.trials for each in found]):.1f}",
        "" if known is Known.NONE else ALLOWED[row],
        f"{np.mean([each.right for each in found]):.3f}",
        f"{np.mean([each.right for each in named]):.3f}",
        f"{np.mean([each.confidence for each in named]):.3f}",
    )


def searches(candidates: int, noise: Noise, known: Known, runs: int, seed: int) -> Sequence[SearchOutcome]:
    """Simulate so many searches, each with its own nights."""
    chance = np.random.default_rng(seed)
    rates = simulate.Noise(noise.p_fail_bad, noise.p_fail_good)
    cases = linear_searches(candidates, runs, chance)
    return [
        simulate.simulate_search(_with_nights(case, noise, known, chance), rates, SETTINGS, chance)
        for case in cases
    ]


def _with_nights(case: KnownRange, noise: Noise, known: Known, chance: np.random.Generator) -> KnownRange:
    if known is Known.NONE:
        return case
    before = Count(0, BEFORE - 1)
    if known is Known.DRAWN:
        before = _drawn(BEFORE - 1, noise.p_fail_good, chance)
    after = _drawn(FROM_RED - 1, noise.p_fail_bad, chance)
    ends = ((case.good, Count(passed=1)), (case.bad, Count(failed=1)))
    return replace(case, earlier=EarlierRuns(ends, before, after))


def _drawn(nights: int, p_fail: float, chance: np.random.Generator) -> Count:
    failed = int(chance.binomial(nights, p_fail))
    return Count(failed, nights - failed)
