"""How many bits about the culprit the next run of a cell is expected to bring, at every commit.

The mutual information of a run's outcome and the hypotheses, with the rates averaged over: what greedy noisy
bisection maximises (Burnashev and Zigangirov 1974; Golovin and Krause 2011 for why greedy is good enough).
Runs that are under way count with both outcomes, so that slots beside one another ask different things.
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
"""Of more trials under way the oldest are left out of the reckoning, which doubles with each."""


@dataclass(frozen=True, eq=False)
class Predictive:
    """The weight of every hypothesis, and the chance that a run fails under it.

    Attributes:
        ancestry: The commits of the range.
        commits: The chance of each commit to be the only breakage; shape (commits,).
        above: The chance that a run fails from the culprit on, if that is the commit.
        below: The same of commits that do not have it under them.
        noise: The bits that chance makes of a run from the culprit on, and elsewhere; None for none at all.
        flaky: The chance that there is no culprit.
        anywhere: The chance that a run fails in that case.
        last: The chance of each commit to be the last of several breakages.
        under: The chance that a run fails at each commit, if the last breakage is under that.
        elsewhere: The chance that it broke outside the range.
        answers: The chance that a run fails at each commit, and last outside, if it has an answer of its own.
    """

    ancestry: Ancestry
    commits: Floats
    above: Floats
    below: Floats
    noise: tuple[Floats, Floats] | None
    flaky: float
    p_fail_flaky: float
    last: Floats
    under: Floats
    elsewhere: float
    answers: Floats

    @classmethod
    def of(cls, known: Posterior) -> Predictive:
        """Everything that is known."""
        return cls(
            known.dag.ancestry,
            known.only,
            known.p_fail_bad,
            known.p_fail_good,
            known.noise(bits),
            known.flaky,
            known.if_flaky,
            known.last,
            known.breakages.next_under(),
            known.elsewhere,
            known.breakages.next_any(known.end),
        )

    @classmethod
    def noise_free(cls, known: Posterior) -> Predictive:
        """Every run so far taken at its word, as a search without noise does."""
        share = known.prior * known.consistent
        share /= share.sum()
        fails, passes, none, even = (np.broadcast_to(each, share.shape) for each in (1.0, 0.0, 0.0, 0.5))
        above, below = (passes, fails) if known.fix else (fails, passes)
        answers = np.broadcast_to(0.5, (len(share) + 1,))
        return cls(known.dag.ancestry, share, above, below, None, 0.0, 0.5, none, even, 0.0, answers)


def information(outlook: Predictive, running: Sequence[int] = ()) -> Floats:
    """Expected bits of a run at each commit, and last at a commit outside the range; shape (commits + 1,).

    Args:
        outlook: What is thought.
        running: Where runs are under way, as indices of commits or OUTSIDE.
    """
    weights = _Weights(outlook)
    for place in running[-_RUNNING_LIMIT:]:
        weights.run(place)
    return weights.information()


class _Weights:
    """The weight of every hypothesis in each outcome of the runs under way (rows)."""

    def __init__(self, outlook: Predictive) -> None:
        self._outlook = outlook
        self._commits = outlook.commits[None, :]
        self._last = outlook.last[None, :]
        self._flaky = np.array([outlook.flaky])
        self._elsewhere = np.array([outlook.elsewhere])

    def run(self, place: int) -> None:
        """Add a run: each outcome so far splits in two."""
        look = self._outlook
        fails, answers = look.below.copy(), np.full_like(look.last, look.answers[place])
        if place != OUTSIDE:
            under = look.ancestry.under(place)
            fails[under] = look.above[under]
            answers[under] = look.under[place]
        self._commits = _split(self._commits, fails)
        self._last = _split(self._last, answers)
        self._flaky = _split(self._flaky, look.p_fail_flaky)
        self._elsewhere = _split(self._elsewhere, look.answers[place])

    def information(self) -> Floats:
        """What is told of the outcome by the commit asked, less what chance makes of it."""
        look = self._outlook
        fails = np.zeros((len(self._commits), len(look.answers)))
        fails[:, :-1] = look.ancestry.sums(self._commits * (look.above - look.below))
        fails += (self._commits @ look.below + self._flaky * look.p_fail_flaky)[:, None]
        fails += self._fails_by_own_answers()
        weight = self._commits.sum(axis=1) + self._last.sum(axis=1) + self._flaky + self._elsewhere
        likely = weight > 0.0
        told: Floats = weight[likely] @ bits(fails[likely] / weight[likely, None])
        return told - self._noise() if look.noise else told

    def _fails_by_own_answers(self) -> Floats:
        """What commits with answers of their own add to the chance of a failure."""
        look = self._outlook
        weight: Floats = (self._last.sum(axis=1) + self._elsewhere)[:, None] * look.answers
        if look.last.any():
            weight[:, :-1] += look.ancestry.sums(self._last) * (look.under - look.answers[:-1])
        return weight

    def _noise(self) -> Floats:
        look = self._outlook
        assert look.noise is not None
        above, below = look.noise
        together, last = self._commits.sum(axis=0), self._last.sum(axis=0)
        noise: Floats = np.append(look.ancestry.sums(together * (above - below)), 0.0) + together @ below
        noise += self._flaky.sum() * bits(np.array([look.p_fail_flaky]))
        answers = bits(look.answers)
        noise += (last.sum() + self._elsewhere.sum()) * answers
        noise[:-1] += look.ancestry.sums(last) * (bits(look.under) - answers[:-1])
        return noise


def _split(weight: Floats, fails: Floats | float) -> Floats:
    return np.concatenate((weight * fails, weight * (1 - fails)))


def bits(chance: Floats) -> Floats:
    """The entropy of a yes or no, in bits."""
    no = np.maximum(1.0 - chance, _TINY)
    yes = np.maximum(chance, _TINY)
    entropy: Floats = np.log2(yes)
    entropy *= yes
    yes = np.log2(no)
    yes *= no
    entropy += yes
    entropy *= -1.0
    return entropy
