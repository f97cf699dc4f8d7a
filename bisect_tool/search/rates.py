"""Failure rates of a cell at bad and at good commits: a prior over a grid, and its posterior given runs.

The likeliest pair is a failure at every bad commit and at no good one. The grid includes flaky failures, down
to one run in fifty, with and without failures of good commits. Pairs in which good commits fail nearly as
often as bad ones are excluded: a cell without a culprit is a hypothesis of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

_DETERMINISTIC = 0.5
_ONE_SIDED = 0.28
"""The prior share of flaky cells that never fail at good commits."""
_BAD_RATES = np.array([*np.geomspace(0.02, 0.2, 9), *np.arange(0.25, 0.96, 0.05), 0.98])
_LOW_EXPONENT = 3.0
_HIGH_EXPONENT = 0.8
"""Exponents of the density of P(fail | bad) in 1 - rate and in rate, if good commits never fail. Low rates
are likelier, but very low ones are not noticed."""
_TWO_SIDED_EXPONENT = 0.5
"""Exponent of the density of P(fail | bad) in rate, if good commits fail as well."""
_GOOD_RATES = np.array([0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.2])
_GOOD_EXPONENT = 2.0
"""Exponent of the density of P(fail | good)."""
_GAP = 0.2
_RATIO = 5.0
"""P(fail | bad) exceeds P(fail | good) by at least this difference or this factor."""
_LOG_ZERO = -1e4
"""Stands for log(0): finite, so that 0 times it is 0."""


@dataclass(frozen=True)
class RatePosterior:
    """The failure rates given the runs, with one entry for each hypothesis about which commits are bad.

    Attributes:
        log_evidence: The logarithm of the probability of all runs.
        bad: P(the next run fails) at a commit that is bad under the hypothesis.
        good: The same at a commit that is good under it.
    """

    log_evidence: Floats
    bad: Floats
    good: Floats


@dataclass(frozen=True, eq=False)
class Rates:
    """Pairs of P(fail | bad) and P(fail | good), and the logarithm of the prior of each."""

    bad: Floats
    good: Floats
    log_weight: Floats

    def posterior(self, bad_runs: Counts, good_runs: Counts) -> RatePosterior:
        """The posterior given the runs at bad and at good commits under each hypothesis.

        Both arguments have a row for each hypothesis, and the columns (failed, passed).
        """
        logs = self.log_weight + bad_runs @ self._logs_bad + good_runs @ self._logs_good
        top = logs.max(axis=1)
        shares = np.exp(logs - top[:, None])
        total = shares.sum(axis=1)
        return RatePosterior(top + np.log(total), shares @ self.bad / total, shares @ self.good / total)

    @cached_property
    def _logs_bad(self) -> Floats:
        return _logs(self.bad)

    @cached_property
    def _logs_good(self) -> Floats:
        return _logs(self.good)


@cache
def regression() -> Rates:
    """The prior of a cell that has a culprit."""
    bad, good = (side.ravel() for side in np.meshgrid(_BAD_RATES, _GOOD_RATES, indexing="ij"))
    widths = _widths(_BAD_RATES)
    one_sided = widths * _BAD_RATES**_HIGH_EXPONENT * (1.05 - _BAD_RATES) ** _LOW_EXPONENT
    two_sided = np.outer(
        widths * _BAD_RATES**_TWO_SIDED_EXPONENT, np.exp(_GOOD_EXPONENT * _GOOD_RATES)
    ).ravel()
    apart = (bad >= good + _GAP) | (bad >= _RATIO * good)
    flaky = (_ONE_SIDED * _shares(one_sided), (1 - _ONE_SIDED) * _shares(two_sided[apart]))
    weight = np.concatenate(([_DETERMINISTIC], (1 - _DETERMINISTIC) * np.concatenate(flaky)))
    return Rates(
        np.concatenate(([1.0], _BAD_RATES, bad[apart])),
        np.concatenate(([0.0], np.zeros(len(_BAD_RATES)), good[apart])),
        np.log(weight),
    )


@cache
def no_culprit() -> Rates:
    """The prior of a cell that fails at the same rate at every commit: sometimes, or always."""
    rate = np.linspace(0.025, 0.975, 20)
    rates = np.concatenate(([1.0], rate))
    weight = np.concatenate(([0.3], np.full(len(rate), 0.7 / len(rate))))
    return Rates(rates, rates, np.log(weight))


def _widths(points: Floats) -> Floats:
    """Return the width of the interval of each ascending point: up to the middles to its neighbours."""
    middles = (points[1:] + points[:-1]) / 2
    outer = points[[0, -1]] + (points[[0, -1]] - middles[[0, -1]])
    width: Floats = np.diff(np.concatenate((outer[:1], middles, outer[1:])))
    return width


def _shares(values: Floats) -> Floats:
    share: Floats = values / values.sum()
    return share


def _logs(rate: Floats) -> Floats:
    """The logarithms of a failure and of a pass, shape (2, pairs)."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.stack((rate, 1 - rate))), _LOG_ZERO)
