"""How many bits about the culprit the next run of a cell is expected to bring, at every commit.

The mutual information of a run's outcome and the hypotheses, with the rates averaged over: what greedy noisy
bisection maximises (Burnashev and Zigangirov 1974; Golovin and Krause 2011 for why greedy is good enough).
Runs that are under way count with both outcomes, so that slots beside one another ask different things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.posterior import Posterior
    from bisect_tool.search.rates import Floats

OUTSIDE = -1
"""Stands for any commit outside the range."""

_RUNNING_LIMIT = 6
"""Of more trials under way the oldest are left out of the reckoning, which doubles with each."""


def information(posterior: Posterior, running: Sequence[int] = ()) -> Floats:
    """Expected bits of a run at each commit, and last at a commit outside the range; shape (commits + 1,).

    Args:
        posterior: What is known.
        running: Where runs are under way, as indices of commits or OUTSIDE.
    """
    outlook = _Outlook(posterior)
    for place in running[-_RUNNING_LIMIT:]:
        outlook.run(place)
    return outlook.information()


class _Outlook:
    """Every outcome of the runs under way (rows), with the weight of each hypothesis in it."""

    def __init__(self, posterior: Posterior) -> None:
        self._posterior = posterior
        self._commits = posterior.commits[None, :]
        self._flaky = np.array([posterior.flaky])
        self._tangled = np.array([posterior.tangled])

    def run(self, place: int) -> None:
        """Add a run: each outcome so far splits in two."""
        known = self._posterior
        fails = known.if_below.copy()
        if place != OUTSIDE:
            under = known.ancestry.under(place)
            fails[under] = known.if_above[under]
        self._commits = np.concatenate((self._commits * fails, self._commits * (1 - fails)))
        self._flaky = _split(self._flaky, known.if_flaky)
        self._tangled = _split(self._tangled, known.if_tangled(None if place == OUTSIDE else place))

    def information(self) -> Floats:
        known = self._posterior
        bits_above, bits_below = _bits(known.if_above), _bits(known.if_below)
        sums = known.ancestry.sums(
            np.concatenate(
                (
                    self._commits * (known.if_above - known.if_below),
                    self._commits.sum(axis=0)[None, :] * (bits_above - bits_below),
                )
            )
        )
        fails = np.pad(sums[:-1], ((0, 0), (0, 1))) + (self._commits @ known.if_below)[:, None]
        noise = np.append(sums[-1], 0.0) + self._commits.sum(axis=0) @ bits_below
        fails += (self._flaky * known.if_flaky)[:, None]
        noise += self._flaky.sum() * float(_bits(np.array([known.if_flaky]))[0])
        answers = np.full(fails.shape[1], 0.5)
        for place in known.inside:
            answers[place] = known.if_tangled(place)
        answers[OUTSIDE] = known.if_tangled(None)
        fails += self._tangled[:, None] * answers
        noise += self._tangled.sum() * _bits(answers)
        weight = self._commits.sum(axis=1) + self._flaky + self._tangled
        bits: Floats = weight @ _bits(fails / weight[:, None]) - noise
        return bits


def _split(weight: Floats, fails: float) -> Floats:
    return np.concatenate((weight * fails, weight * (1 - fails)))


def _bits(chance: Floats) -> Floats:
    """The entropy of a yes or no, in bits."""
    yes = np.clip(chance, 1e-300, 1.0)
    no = np.clip(1.0 - chance, 1e-300, 1.0)
    entropy: Floats = -(yes * np.log2(yes) + no * np.log2(no))
    return entropy
