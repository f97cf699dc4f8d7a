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

_RUNNING_LIMIT = 6
"""Of more trials under way the oldest are left out of the reckoning, which doubles with each."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """The weight of every hypothesis, and the chance that a run fails under it.

    Attributes:
        ancestry: The commits of the range.
        commits: The chance of each commit to be the culprit; shape (commits,).
        above: The chance that a run fails from the culprit on, if that is the commit.
        below: The same of commits that do not have it under them.
        flaky: The chance that there is no culprit.
        anywhere: The chance that a run fails in that case.
        tangled: The chance that every commit has an answer of its own.
        answers: The chance that a run fails at each commit, and last outside, in that case.
    """

    ancestry: Ancestry
    commits: Floats
    above: Floats
    below: Floats
    flaky: float
    anywhere: float
    tangled: float
    answers: Floats

    @classmethod
    def of(cls, known: Posterior) -> Outlook:
        """Everything that is known."""
        answers = np.full(len(known.commits) + 1, 0.5)
        for place in known.inside:
            answers[place] = known.if_tangled(place)
        answers[OUTSIDE] = known.if_tangled(None)
        flaky, tangled = known.flaky, known.tangled
        above, below = known.if_above, known.if_below
        return cls(known.ancestry, known.commits, above, below, flaky, known.if_flaky, tangled, answers)

    @classmethod
    def at_its_word(cls, known: Posterior) -> Outlook:
        """Every run so far taken at its word, as a search without noise does."""
        share = known.prior * known.consistent
        fails = np.full(len(share), 0.0 if known.fix else 1.0)
        answers = np.full(len(share) + 1, 0.5)
        return cls(known.ancestry, share / share.sum(), fails, 1.0 - fails, 0.0, 0.5, 0.0, answers)


def information(outlook: Outlook, running: Sequence[int] = ()) -> Floats:
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

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._commits = outlook.commits[None, :]
        self._flaky = np.array([outlook.flaky])
        self._tangled = np.array([outlook.tangled])

    def run(self, place: int) -> None:
        """Add a run: each outcome so far splits in two."""
        fails = self._outlook.below.copy()
        if place != OUTSIDE:
            under = self._outlook.ancestry.under(place)
            fails[under] = self._outlook.above[under]
        self._commits = np.concatenate((self._commits * fails, self._commits * (1 - fails)))
        self._flaky = _split(self._flaky, self._outlook.anywhere)
        self._tangled = _split(self._tangled, float(self._outlook.answers[place]))

    def information(self) -> Floats:
        """What is told of the outcome by the commit asked, less what chance makes of it."""
        look = self._outlook
        together = self._commits.sum(axis=0)
        bits_above, bits_below = _bits(look.above), _bits(look.below)
        differences = (self._commits * (look.above - look.below), [together * (bits_above - bits_below)])
        sums = look.ancestry.sums(np.concatenate(differences))
        fails = np.pad(sums[:-1], ((0, 0), (0, 1))) + (self._commits @ look.below)[:, None]
        noise = np.append(sums[-1], 0.0) + together @ bits_below
        fails += (self._flaky * look.anywhere)[:, None] + self._tangled[:, None] * look.answers
        noise += self._flaky.sum() * _bits(np.array([look.anywhere]))
        noise += self._tangled.sum() * _bits(look.answers)
        weight = self._commits.sum(axis=1) + self._flaky + self._tangled
        likely = weight > 0.0
        weight = weight[likely]
        bits: Floats = weight @ _bits(fails[likely] / weight[:, None]) - noise
        return bits


def _split(weight: Floats, fails: float) -> Floats:
    return np.concatenate((weight * fails, weight * (1 - fails)))


def _bits(chance: Floats) -> Floats:
    """The entropy of a yes or no, in bits."""
    yes = np.clip(chance, 1e-300, 1.0)
    no = np.clip(1.0 - chance, 1e-300, 1.0)
    entropy: Floats = -(yes * np.log2(yes) + no * np.log2(no))
    return entropy
