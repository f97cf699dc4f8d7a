"""How often culprits are right, by stated confidence."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search.output import progress, table
from benchmarks.search.problem import Noise
from bisect_tool.search.rates import regression
from bisect_tool.simulate import simulate
from bisect_tool.simulate.searches import linear_searches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.search.size import Size
    from bisect_tool.simulate.simulate import SearchOutcome

CANDIDATES = 31
NOISES = (Noise(0.5, 0), Noise(0.3, 0), Noise(0.1, 0), Noise(0.3, 0.02), Noise(0.1, 0.02))
BINS = ((0.95, 0.96), (0.96, 0.97), (0.97, 0.98), (0.98, 1.0))
SETTINGS = simulate.SearchSettings(endpoint_runs=60)
SEED = 1


def report(size: Size, seed: int = SEED) -> str:
    """The table: a row for each noise, and one for rates drawn from the prior of the search."""
    header = (
        "P(fail bad), P(fail good)",
        "names",
        "right",
        "claimed",
        *(f"{low:g} to {high:g}" for low, high in BINS),
    )
    return table(header, [_row(noise, size.stated, seed) for noise in (*NOISES, None)])


def searches(noise: Noise | None, runs: int, seed: int) -> Sequence[SearchOutcome]:
    """Simulate so many searches, each with a random culprit; without `noise`, also with random rates."""
    chance = np.random.default_rng(seed)
    cases = linear_searches(CANDIDATES, runs, chance)
    rates = [_rates(noise)] * runs if noise else _expected(runs, chance)
    return [
        simulate.simulate_search(case, each, SETTINGS, chance)
        for case, each in zip(cases, rates, strict=True)
    ]


def _row(noise: Noise | None, runs: int, seed: int) -> tuple[object, ...]:
    began = time.monotonic()
    named = [each for each in searches(noise, runs, seed) if each.named is not None]
    title = noise or "drawn from the prior"
    progress(f"{title}: {len(named)} names in {time.monotonic() - began:.0f} s")
    claimed = np.mean([each.confidence for each in named])
    return (title, len(named), f"{_right(named):.3f}", f"{claimed:.3f}", *_bins(named))


def _bins(named: Sequence[SearchOutcome]) -> Iterator[str]:
    """The share of right names in each bin of confidence, and in parentheses their number."""
    for low, high in BINS:
        inside = [each for each in named if low <= each.confidence < high]
        yield f"{_right(inside):.3f} ({len(inside)})" if inside else "0"


def _right(named: Sequence[SearchOutcome]) -> float:
    return float(np.mean([each.right for each in named]))


def _rates(noise: Noise) -> simulate.Noise:
    return simulate.Noise(noise.p_fail_bad, noise.p_fail_good)


def _expected(runs: int, chance: np.random.Generator) -> Sequence[simulate.Noise]:
    """Draw failure rates from the prior of the search."""
    prior = regression()
    weight = np.exp(prior.log_weight)
    drawn = chance.choice(len(weight), size=runs, p=weight / weight.sum())
    return [simulate.Noise(float(prior.bad[each]), float(prior.good[each])) for each in drawn]
