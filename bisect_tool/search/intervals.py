"""Statistics of runs that fail by chance: an interval for one rate, a test of two, a streak. Pure."""

from __future__ import annotations

from math import comb, prod, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def wilson(failed: int, runs: int) -> tuple[float, float]:
    """The interval that holds the true rate with 95 %, given `failed` of `runs`; all of it without runs.

    It is the score interval of E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference", Journal of the American Statistical Association 22 (1927), which is sound for few runs and
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
    # At the ends the formula is exact, and floating point is not.
    low = 0.0 if failed == 0 else middle - half
    high = 1.0 if failed == runs else middle + half
    return low, high


def fisher(failed: int, runs: int, other_failed: int, other_runs: int) -> float:
    """How likely two rates this far apart or farther are where they are the same: Fisher's exact test.

    Two-sided: the sum over all tables with these totals that are no likelier than the one seen (R. A. Fisher,
    "Statistical Methods for Research Workers", 1934). Counted in integers, so that equally likely tables are
    equal.

    Raises:
        ValueError: more runs failed than there were, or a number is negative.
    """
    _check(failed, runs)
    _check(other_failed, other_runs)
    total = failed + other_failed

    def tables(here: int) -> int:
        return comb(runs, here) * comb(other_runs, total - here)

    seen = tables(failed)
    possible = range(max(total - other_runs, 0), min(total, runs) + 1)
    return sum(ways for here in possible if (ways := tables(here)) <= seen) / comb(runs + other_runs, total)


def luck(failed: int, runs: int, passes: int) -> float:
    """How likely what failed in `failed` of `runs` passes that often in a row although nothing was mended.

    The mean of (1 - rate)^passes over what is known of the rate, so that what few runs have told is not taken
    at its word: the beta-binomial of Jeffreys' prior (H. Jeffreys, "An invariant form for the prior
    probability in estimation problems", Proceedings of the Royal Society A 186, 1946). One failure is left
    aside, since without it nobody would have looked.

    Raises:
        ValueError: more runs failed than there were, or a number is negative.
    """
    _check(failed, runs)
    red, green = max(failed - 1, 0) + 0.5, runs - failed + 0.5
    return prod((green + seen) / (red + green + seen) for seen in range(passes))


def _check(failed: int, runs: int) -> None:
    if not 0 <= failed <= runs:
        raise ValueError(f"{failed} of {runs} runs cannot have failed")
