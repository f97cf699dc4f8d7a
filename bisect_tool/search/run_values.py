"""Compute the value of the next run at each commit: expected bits, discounted if probably untestable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search.information import OUTSIDE, Predictive, information
from bisect_tool.search.testability import testable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bisect_tool.search.inference import Inference
    from bisect_tool.search.posterior import Posterior
    from bisect_tool.search.rates import Floats

_MIN_NOISE_FREE_BITS = 0.02
"""If no run is worth this much without noise, the search models noise."""


@dataclass(frozen=True, eq=False)
class RunValues:
    """Expected information of the next run, in bits about the culprit, given the runs so far."""

    known: Inference

    @cached_property
    def alone(self) -> Floats:
        """The value at each commit, and last at the good end, shape (commits + 1,), if nothing is running.

        Until runs contradict each other, values assume no noise, which narrows fastest.
        """
        return self._values(())

    def beside(self, running: Sequence[str]) -> Floats:
        """The same beside runs at the commits `running`."""
        if not running:
            return self.alone
        return self._values([self.known.dag.index.get(sha, OUTSIDE) for sha in running])

    def _values(self, running: Sequence[int]) -> Floats:
        noise_free = (
            self._valued(Predictive.noise_free, running) if self.known.assumes_no_noise else np.zeros(1)
        )
        return (
            noise_free if noise_free.max() >= _MIN_NOISE_FREE_BITS else self._valued(Predictive.of, running)
        )

    def _valued(self, predict: Callable[[Posterior], Predictive], running: Sequence[int]) -> Floats:
        bits = np.maximum(information(predict(self.known.posterior), running), 0.0)
        if self.known.good_end is None:
            bits[-1] = 0.0
        if self.known.given_up:
            bits[:-1] = self._discounted(bits[:-1])
        return bits

    def _discounted(self, bits: Floats) -> Floats:
        """Bits of untried commits, discounted near commits that could not be tested.

        The discount is relative: the best untried commit keeps its value. Otherwise the search would repeat
        tried commits for ever instead of entering an untestable stretch.
        """
        place = self.known.dag.index
        tried = [place[sha] for sha in self.known.counts if sha in place]
        discounted = bits * testable(self.known.dag, self.known.untestable_places)
        discounted[tried] = 0.0
        best = int(discounted.argmax())
        if discounted[best] > 0.0:
            discounted *= bits[best] / discounted[best]
        discounted[tried] = bits[tried]
        discounted[[place[sha] for sha in self.known.given_up if sha in place]] = 0.0
        return discounted
