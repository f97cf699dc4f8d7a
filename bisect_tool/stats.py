"""Statistics of flaky runs: intervals of failure rates, two-sample tests, chance of a false pass. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb, prod, sqrt
from statistics import NormalDist, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def wilson(failed: int, runs: int) -> tuple[float, float]:
    """The 95% confidence interval of a failure rate, given `failed` of `runs`; (0, 1) without runs.

    It is the score interval of E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference", Journal of the American Statistical Association 22 (1927), which is reliable for few runs and
    for rates near 0 and 1.

    Raises:
        ValueError: more runs failed than there were, or a number is negative.
    """
    _check(failed, runs)
    if not runs:
        return 0.0, 1.0
    rate, weight = failed / runs, _Z * _Z / runs
    middle = (rate + weight / 2) / (1 + weight)
    half = sqrt(rate * (1 - rate) * weight + weight * weight / 4) / (1 + weight)
    # At 0 and 1 the formula is exact, but floating point is not.
    low = 0.0 if failed == 0 else middle - half
    high = 1.0 if failed == runs else middle + half
    return low, high


def fisher(failed: int, runs: int, other_failed: int, other_runs: int) -> float:
    """The two-sided p-value of Fisher's exact test that two failure rates are equal.

    It is the sum over all tables with these totals that are no likelier than the observed one (R. A. Fisher,
    "Statistical Methods for Research Workers", 1934). Tables are counted in integers, so that equally likely
    ones compare equal.

    Raises:
        ValueError: more runs failed than there were, or a number is negative.
    """
    _check(failed, runs)
    _check(other_failed, other_runs)
    total = failed + other_failed

    def tables(failures: int) -> int:
        return comb(runs, failures) * comb(other_runs, total - failures)

    observed = tables(failed)
    possible = range(max(total - other_runs, 0), min(total, runs) + 1)
    return sum(ways for failures in possible if (ways := tables(failures)) <= observed) / comb(
        runs + other_runs, total
    )


@dataclass(frozen=True)
class Shift:
    """The shift of one sample against another: the estimate, and the ends of its 95% interval."""

    middle: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval does not contain zero."""
        return self.low > 0.0 or self.high < 0.0


def shift(values: Sequence[float], others: Sequence[float]) -> Shift | None:
    """How much larger `values` are than `others`; None if there are too few for a 95% interval.

    It is the median of all differences, with the interval of the exact Mann-Whitney test, which assumes no
    distribution (J. L. Hodges and E. L. Lehmann, "Estimates of Location Based on Rank Tests", Annals of
    Mathematical Statistics 34, 1963).
    """
    tail = _tail(len(values), len(others))
    if not tail:
        return None
    differences = sorted(value - other for value in values for other in others)
    return Shift(median(differences), differences[tail - 1], differences[-tail])


@cache
def _tail(one: int, other: int) -> int:
    """How many of the sorted differences are outside the interval at each end; 0 if there is no interval.

    It is the largest k for which the Mann-Whitney statistic is below k in at most 2.5% of all orders of the
    values. The orders are counted as coefficients of the Gaussian binomial of these sizes.
    """
    orders = [1] + [0] * (one * other)
    for step in range(1, one + 1):
        for place in range(len(orders) - 1, other + step - 1, -1):
            orders[place] -= orders[place - other - step]
        for place in range(step, len(orders)):
            orders[place] += orders[place - step]
    allowed, below, count = (1 - CONFIDENCE) / 2 * comb(one + other, one), 0, 0
    while count < len(orders) and below + orders[count] <= allowed:
        below += orders[count]
        count += 1
    return count


def false_pass_probability(failed: int, runs: int, passes: int) -> float:
    """The probability that an unfixed cell, which failed in `failed` of `runs`, passes `passes` times.

    It is the mean of (1 - rate)^passes over the posterior of the rate, which includes the uncertainty of few
    runs: the beta-binomial with Jeffreys' prior (H. Jeffreys, "An invariant form for the prior probability in
    estimation problems", Proceedings of the Royal Society A 186, 1946). One failure is not counted, because
    the runs were made only after it.

    Raises:
        ValueError: more runs failed than there were, or a number is negative.
    """
    _check(failed, runs)
    red, green = max(failed - 1, 0) + 0.5, runs - failed + 0.5
    return prod((green + observed) / (red + green + observed) for observed in range(passes))


def _check(failed: int, runs: int) -> None:
    if not 0 <= failed <= runs:
        raise ValueError(f"{failed} of {runs} runs cannot have failed")
