"""How often a cell fails at bad and at good commits: unknown, so every pair of rates has a weight.

The prior is a grid. A failure that shows always, and never without its cause, is likeliest; beside it stand
flaky failures, down to one run in fifty, with and without false alarms. A pair in which good commits fail
nearly as often as bad ones is left out: that is a cell without a culprit, a hypothesis of its own.
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
"""Of what is flaky: the share of failures that never show without their cause."""
_SHOWN = np.array([*np.geomspace(0.02, 0.2, 9), *np.arange(0.25, 0.96, 0.05), 0.98])
_SELDOM = 3.0
_NOTICED = 0.8
"""How often a one-sided failure shows: seldom, or it would not be flaky, but often enough to be noticed. The
exponents of its density in 1 - rate and in rate."""
_OFTEN = 0.5
"""How often a failure shows that raises false alarms, too; the exponent of its density."""
_ALARMS = np.array([0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.2])
_MORE_ALARMS = 2.0
"""How often it shows without its cause; the exponent of the density of false alarms."""
_GAP = 0.2
_RATIO = 5.0
"""A failure shows more often with its cause than without, by this much or so many times."""
_IMPOSSIBLE = -1e4
"""The logarithm that stands for a chance of nothing: finite, so that no times it is nothing."""


@dataclass(frozen=True)
class Told:
    """What a number of hypotheses say of the runs, one entry for each.

    Attributes:
        evidence: The logarithm of the chance of all runs.
        bad: The chance that a run at a commit that is bad under the hypothesis fails.
        good: The same at a commit that is good under it.
    """

    evidence: Floats
    bad: Floats
    good: Floats


@dataclass(frozen=True, eq=False)
class Rates:
    """Pairs of P(fail | bad) and P(fail | good), and the logarithm of the weight of each."""

    bad: Floats
    good: Floats
    log_weight: Floats

    def told(self, bad_runs: Counts, good_runs: Counts) -> Told:
        """Weigh runs, given as columns (failed, passed), under hypotheses that call commits bad or good.

        Each hypothesis has a row in both arguments, of shape (hypotheses, 2).
        """
        chances = self.log_weight + bad_runs @ self._logs_bad + good_runs @ self._logs_good
        top = chances.max(axis=1)
        shares = np.exp(chances - top[:, None])
        total = shares.sum(axis=1)
        return Told(top + np.log(total), shares @ self.bad / total, shares @ self.good / total)

    @cached_property
    def _logs_bad(self) -> Floats:
        return _logs(self.bad)

    @cached_property
    def _logs_good(self) -> Floats:
        return _logs(self.good)


@cache
def regression() -> Rates:
    """The prior of a cell that has a culprit."""
    bad, good = (side.ravel() for side in np.meshgrid(_SHOWN, _ALARMS, indexing="ij"))
    shown = _widths(_SHOWN)
    one_sided = shown * _SHOWN**_NOTICED * (1.05 - _SHOWN) ** _SELDOM
    two_sided = np.outer(shown * _SHOWN**_OFTEN, np.exp(_MORE_ALARMS * _ALARMS)).ravel()
    apart = (bad >= good + _GAP) | (bad >= _RATIO * good)
    flaky = (_ONE_SIDED * _shares(one_sided), (1 - _ONE_SIDED) * _shares(two_sided[apart]))
    weight = np.concatenate(([_DETERMINISTIC], (1 - _DETERMINISTIC) * np.concatenate(flaky)))
    return Rates(
        np.concatenate(([1.0], _SHOWN, bad[apart])),
        np.concatenate(([0.0], np.zeros(len(_SHOWN)), good[apart])),
        np.log(weight),
    )


@cache
def no_culprit() -> Rates:
    """The prior of a cell that fails as often at every commit: now and then, or always."""
    rate = np.linspace(0.025, 0.975, 20)
    rates = np.concatenate(([1.0], rate))
    weight = np.concatenate(([0.3], np.full(len(rate), 0.7 / len(rate))))
    return Rates(rates, rates, np.log(weight))


def _widths(points: Floats) -> Floats:
    """How much of a line lies nearest to each of these ascending points."""
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
        return np.maximum(np.log(np.stack((rate, 1 - rate))), _IMPOSSIBLE)
