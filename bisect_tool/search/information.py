"""Expected information of the next run at every commit, in bits about the culprit.

The mutual information of a run's outcome and the hypotheses, averaged over the rates: what greedy noisy
bisection maximises (Burnashev and Zigangirov 1974; Golovin and Krause 2011 for why greedy is good enough).
Runs in progress count with both outcomes, so that parallel slots do not ask for the same information.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.ancestry import Ancestry
    from bisect_tool.search.posterior import Posterior
    from bisect_tool.search.rates import Floats

OUTSIDE = -1
"""Stands for any commit outside the range."""

_TINY = 1e-300
_RUNNING_LIMIT = 6
"""Of more runs in progress the oldest count roughly, because the time doubles with each of the others."""


@dataclass(frozen=True, eq=False)
class Predictive:
    """The probability of every hypothesis, and P(the next run fails) under it.

    Attributes:
        ancestry: The commits of the range.
        only: P(a commit is the only breakage), shape (commits,).
        p_fail_descendant: For each commit as the culprit, P(fail) of its descendants.
        p_fail_other: The same of all other commits.
        noise: The entropy, in bits, of runs at descendants and at others; None without noise.
        flaky: P(there is no culprit).
        p_fail_flaky: P(fail) at any commit in that case.
        last: P(a commit is the last of several breakages).
        p_fail_after_last: P(fail) of each commit if the last breakage is an ancestor of it.
        elsewhere: P(it broke outside the range).
        p_fail_inconsistent: P(fail) of each commit, and last outside, if no hypothesis says how it ends.
    """

    ancestry: Ancestry
    only: Floats
    p_fail_descendant: Floats
    p_fail_other: Floats
    noise: tuple[Floats, Floats] | None
    flaky: float
    p_fail_flaky: float
    last: Floats
    p_fail_after_last: Floats
    elsewhere: float
    p_fail_inconsistent: Floats

    @classmethod
    def of(cls, known: Posterior) -> Predictive:
        """The prediction of the posterior."""
        return cls(
            known.dag.ancestry,
            known.only,
            known.p_fail_descendant,
            known.p_fail_other,
            known.noise(bits),
            known.flaky,
            known.p_fail_flaky,
            known.last,
            known.breakages.p_fail_after_last(),
            known.elsewhere,
            known.breakages.p_fail_inconsistent(known.end),
        )

    @classmethod
    def noise_free(cls, known: Posterior) -> Predictive:
        """The prediction if no run were noise."""
        share = known.prior * known.consistent
        share /= share.sum()
        fails, passes, none, even = (np.broadcast_to(each, share.shape) for each in (1.0, 0.0, 0.0, 0.5))
        descendant, other = (passes, fails) if known.fix else (fails, passes)
        unknown = np.broadcast_to(0.5, (len(share) + 1,))
        return cls(known.dag.ancestry, share, descendant, other, None, 0.0, 0.5, none, even, 0.0, unknown)


def information(predictive: Predictive, running: Sequence[int] = ()) -> Floats:
    """Expected bits of a run at each commit, and last at a commit outside the range; shape (commits + 1,).

    Args:
        predictive: The hypotheses.
        running: Where runs are in progress, as indices of commits or OUTSIDE.
    """
    joint = _Joint(predictive)
    for place in running[-_RUNNING_LIMIT:]:
        joint.add_run(place)
    found = joint.information()
    older = np.array(running[:-_RUNNING_LIMIT], dtype=int)
    # Each takes its share of the information of a run at its commit: else dozens of slots run a few commits
    # again and again.
    return found / (1.0 + np.bincount(older % len(found), minlength=len(found)))


class _Joint:
    """The probability of every hypothesis, jointly with each outcome of the runs in progress (rows)."""

    def __init__(self, predictive: Predictive) -> None:
        self._model = predictive
        self._only = predictive.only[None, :]
        self._last = predictive.last[None, :]
        self._flaky = np.array([predictive.flaky])
        self._elsewhere = np.array([predictive.elsewhere])

    def add_run(self, place: int) -> None:
        """Add a run: each outcome so far splits in two."""
        model = self._model
        fails = model.p_fail_other.copy()
        inconsistent = np.full_like(model.last, model.p_fail_inconsistent[place])
        if place != OUTSIDE:
            ancestors = model.ancestry.ancestors_of(place)
            fails[ancestors] = model.p_fail_descendant[ancestors]
            inconsistent[ancestors] = model.p_fail_after_last[place]
        self._only = _split(self._only, fails)
        self._last = _split(self._last, inconsistent)
        self._flaky = _split(self._flaky, model.p_fail_flaky)
        self._elsewhere = _split(self._elsewhere, model.p_fail_inconsistent[place])

    def information(self) -> Floats:
        """Per commit: the entropy of the next outcome, less the entropy that noise alone causes."""
        model = self._model
        fails = np.zeros((len(self._only), len(model.p_fail_inconsistent)))
        fails[:, :-1] = model.ancestry.sums_over_ancestors(
            self._only * (model.p_fail_descendant - model.p_fail_other)
        )
        fails += (self._only @ model.p_fail_other + self._flaky * model.p_fail_flaky)[:, None]
        fails += self._fails_inconsistently()
        weight = self._only.sum(axis=1) + self._last.sum(axis=1) + self._flaky + self._elsewhere
        likely = weight > 0.0
        entropy: Floats = weight[likely] @ bits(fails[likely] / weight[likely, None])
        return entropy - self._noise() if model.noise else entropy

    def _fails_inconsistently(self) -> Floats:
        """Return the contribution of the hypotheses of several breakages to P(fail)."""
        model = self._model
        weight: Floats = (self._last.sum(axis=1) + self._elsewhere)[:, None] * model.p_fail_inconsistent
        if model.last.any():
            weight[:, :-1] += model.ancestry.sums_over_ancestors(self._last) * (
                model.p_fail_after_last - model.p_fail_inconsistent[:-1]
            )
        return weight

    def _noise(self) -> Floats:
        model = self._model
        assert model.noise is not None
        descendant, other = model.noise
        together, last = self._only.sum(axis=0), self._last.sum(axis=0)
        noise: Floats = (
            np.append(model.ancestry.sums_over_ancestors(together * (descendant - other)), 0.0)
            + together @ other
        )
        noise += self._flaky.sum() * bits(np.array([model.p_fail_flaky]))
        inconsistent = bits(model.p_fail_inconsistent)
        noise += (last.sum() + self._elsewhere.sum()) * inconsistent
        noise[:-1] += model.ancestry.sums_over_ancestors(last) * (
            bits(model.p_fail_after_last) - inconsistent[:-1]
        )
        return noise


def _split(weight: Floats, fails: Floats | float) -> Floats:
    return np.concatenate((weight * fails, weight * (1 - fails)))


def bits(chance: Floats) -> Floats:
    """The entropy of a binary outcome, in bits."""
    no = np.maximum(1.0 - chance, _TINY)
    yes = np.maximum(chance, _TINY)
    entropy: Floats = np.log2(yes)
    entropy *= yes
    yes = np.log2(no)
    yes *= no
    entropy += yes
    entropy *= -1.0
    return entropy
