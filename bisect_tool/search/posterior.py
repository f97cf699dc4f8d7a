"""The posterior probability of every commit to be the first bad one, given the runs of one cell.

A commit can be the culprit in two ways: as the only breakage of the history, or as the last of several
(`breakages`). Two more hypotheses have no culprit: the cell is flaky with one rate at every commit (the n +
1st hypothesis of FACF, https://doi.org/10.1145/3106237.3106278), or it broke outside the range: a parent
outside is bad, though the good end is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search import rates
from bisect_tool.search.counted_runs import NO_RUNS, Count
from bisect_tool.search.multiple_breakages import Breakages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Counts, Floats

_FLAKY = 0.03
_NON_MONOTONIC = 0.005
_ELSEWHERE = 0.002
"""The prior probabilities of the hypotheses beside a single breakage."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """The hypotheses after some runs.

    Attributes:
        dag: The commits of the range.
        prior: The prior probability of each commit, given that one is the culprit; shape (commits,).
        inside: Runs at commits of the range, by index.
        outside: Runs at commits outside, which never descend from the culprit.
        before: Runs at ancestors of the good ends, taken together: none of them descends from a breakage.
        fix: The first good commit is searched: its descendants are good, and all others bad.
        end: The commit outside that would be run next.
        goods: The good ends among those outside.
    """

    dag: Dag
    prior: Floats
    inside: Mapping[int, Count]
    outside: Mapping[str, Count]
    before: Count = NO_RUNS
    fix: bool = False
    end: str | None = None
    goods: Collection[str] = ()

    @cached_property
    def commits(self) -> Floats:
        """The probability of each commit to be the culprit, as the only or the last breakage."""
        return self.only + self.last

    @property
    def only(self) -> Floats:
        """The probability of each commit to be the only breakage."""
        return self._shares.only

    @property
    def last(self) -> Floats:
        """The probability that each commit is the last of several breakages."""
        return self._shares.last

    @property
    def flaky(self) -> float:
        """The probability that there is no culprit: the cell fails at the same rate at every commit."""
        return self._shares.flaky

    @property
    def elsewhere(self) -> float:
        """The probability that it broke outside the range: a parent outside is bad."""
        return self._shares.elsewhere

    @cached_property
    def breakages(self) -> Breakages:
        """The runs under the hypotheses of several breakages."""
        return Breakages(self.dag, self.inside, self.outside, self.before, self.goods, self.fix)

    @cached_property
    def p_fail_descendant(self) -> Floats:
        """For each commit as the culprit, P(a run fails) at a descendant; a commit descends from itself."""
        chance: Floats = (self._rates.good if self.fix else self._rates.bad)[self._class]
        return chance

    @cached_property
    def p_fail_other(self) -> Floats:
        """The same of a commit that does not descend from the culprit."""
        chance: Floats = (self._rates.bad if self.fix else self._rates.good)[self._class]
        return chance

    def noise(self, entropy: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """For each commit as the culprit, the entropy of a run at a descendant, and at any other commit."""
        sides = (self._rates.good, self._rates.bad) if self.fix else (self._rates.bad, self._rates.good)
        descendant, other = (entropy(side)[self._class] for side in sides)
        return descendant, other

    @cached_property
    def p_fail_flaky(self) -> float:
        """P(a run fails) at any commit, if there is no culprit."""
        return float(self._flaky_rates.bad[0])

    def contradictions(self, commit: int) -> int:
        """How many runs contradict this commit as the only breakage, if there were no noise."""
        bad, good = self._bad_and_good
        which = self._class[commit]
        return int(bad[which, 1] + good[which, 0])

    @cached_property
    def consistent(self) -> NDArray[np.bool_]:
        """Return which commits, as the only breakage, explain every run without noise."""
        bad, good = self._bad_and_good
        clean = (bad[:, 1] == 0) & (good[:, 0] == 0)
        which: NDArray[np.bool_] = clean[self._class]
        return which

    @cached_property
    def _total(self) -> Count:
        return sum((*self.inside.values(), *self.outside.values()), self.before)

    @cached_property
    def _keys(self) -> Counts:
        """For each commit one number that encodes the failures and passes of its descendants."""
        keys = np.zeros(len(self.prior), dtype=np.int64)
        for commit, count in self.inside.items():
            keys[commit] = count.failed * (self._total.passed + 1) + count.passed
        return self.dag.ancestry.sums_over_descendants(keys)

    @cached_property
    def _classes(self) -> Counts:
        """The distinct keys, ascending. No run so far distinguishes commits with equal keys."""
        return np.flatnonzero(np.bincount(self._keys))

    @cached_property
    def _class(self) -> Counts:
        place = np.zeros(int(self._classes[-1]) + 1, dtype=np.int64)
        place[self._classes] = np.arange(len(self._classes))
        found: Counts = place[self._keys]
        return found

    @cached_property
    def _bad_and_good(self) -> tuple[Counts, Counts]:
        """For each class the runs (failed, passed) at commits that are bad, and those at good ones."""
        descendants = np.stack(np.divmod(self._classes, self._total.passed + 1), axis=1)
        others = np.array([self._total.failed, self._total.passed]) - descendants
        return (others, descendants) if self.fix else (descendants, others)

    @cached_property
    def _rates(self) -> rates.RatePosterior:
        return rates.regression().posterior(*self._bad_and_good)

    @cached_property
    def _flaky_rates(self) -> rates.RatePosterior:
        runs = np.array([[self._total.failed, self._total.passed]])
        return rates.no_culprit().posterior(runs, np.zeros_like(runs))

    @cached_property
    def _shares(self) -> _Shares:
        """The posterior of every hypothesis by Bayes' rule."""
        only = self._rates.log_evidence[self._class] + log(1 - _FLAKY - _NON_MONOTONIC - _ELSEWHERE)
        last = self.breakages.log_evidence + log(_NON_MONOTONIC)
        flaky = float(self._flaky_rates.log_evidence[0]) + log(_FLAKY)
        parents = self.breakages.elsewhere + log(_ELSEWHERE / max(len(self.breakages.elsewhere), 1))
        top = max(float(only.max()), float(last.max()), flaky, float(parents.max(initial=flaky)))
        only, last = self.prior * np.exp(only - top), self.prior * np.exp(last - top)
        flaky, elsewhere = exp(flaky - top), float(np.exp(parents - top).sum())
        total = float(only.sum() + last.sum()) + flaky + elsewhere
        return _Shares(only / total, last / total, flaky / total, elsewhere / total)


@dataclass(frozen=True)
class _Shares:
    """The probabilities of all hypotheses, which sum to one."""

    only: Floats
    last: Floats
    flaky: float
    elsewhere: float
