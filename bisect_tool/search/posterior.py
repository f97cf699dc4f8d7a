"""What the runs of one cell say of every commit: the chance that it is the first bad one.

A commit can be that in two ways: as the only breakage of the history, or as the last of several
(`breakages`). Beside these stand two hypotheses without a culprit: that the cell was flaky all along, with
one rate at every commit (the n + 1st of FACF, https://doi.org/10.1145/3106237.3106278), and that it
broke elsewhere, outside the range: a parent outside is bad, though the good end is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search import rates
from bisect_tool.search.multiple_breakages import Breakages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Counts, Floats

_FLAKY = 0.03
_NON_MONOTONIC = 0.005
_ELSEWHERE = 0.002
"""The chances, before any run, of the hypotheses beside a single breakage."""


@dataclass(frozen=True)
class Count:
    """How often a cell failed and passed at one commit."""

    failed: int = 0
    passed: int = 0

    @property
    def total(self) -> int:
        """All runs that told something."""
        return self.failed + self.passed


@dataclass(frozen=True, eq=False)
class Posterior:
    """The hypotheses after some runs.

    Attributes:
        dag: The commits of the range.
        prior: The chance of each commit before any run, given that one is the culprit; shape (commits,).
        inside: Runs at commits of the range, by index.
        outside: Runs at commits outside, which are below the culprit, whichever commit that is.
        fix: The commit that is looked for mends the cell: it is bad below, and good from there on.
        end: The commit outside that would be run next.
        goods: Those outside that are good ends.
    """

    dag: Dag
    prior: Floats
    inside: Mapping[int, Count]
    outside: Mapping[str, Count]
    fix: bool = False
    end: str | None = None
    goods: Collection[str] = ()

    @cached_property
    def commits(self) -> Floats:
        """The chance of each commit to be the culprit, in either way."""
        return self.only + self.last

    @property
    def only(self) -> Floats:
        """The chance of each commit to be the only breakage."""
        return self._shares.only

    @property
    def last(self) -> Floats:
        """The chance of each commit to be the last of several breakages."""
        return self._shares.last

    @property
    def flaky(self) -> float:
        """The chance that there is no culprit: the cell fails as often at every commit."""
        return self._shares.flaky

    @property
    def elsewhere(self) -> float:
        """The chance that it broke outside the range: a parent outside is bad."""
        return self._shares.elsewhere

    @cached_property
    def breakages(self) -> Breakages:
        """The runs under the hypotheses of several breakages."""
        return Breakages(self.dag, self.inside, self.outside, self.goods, self.fix)

    @cached_property
    def p_fail_bad(self) -> Floats:
        """The chance that a run fails from the culprit on, if each commit in turn is the culprit."""
        chance: Floats = (self._told.good if self.fix else self._told.bad)[self._kind]
        return chance

    @cached_property
    def p_fail_good(self) -> Floats:
        """The same of a commit that does not have the culprit under it."""
        chance: Floats = (self._told.bad if self.fix else self._told.good)[self._kind]
        return chance

    def noise(self, entropy: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """The entropy of a run at a commit from the culprit on, and of one elsewhere, for each culprit."""
        sides = (self._told.good, self._told.bad) if self.fix else (self._told.bad, self._told.good)
        above, below = (entropy(side)[self._kind] for side in sides)
        return above, below

    @cached_property
    def if_flaky(self) -> float:
        """The chance that a run fails anywhere, if there is no culprit."""
        return float(self._flaky.bad[0])

    def contradictions(self, commit: int) -> int:
        """How many runs answered otherwise than without noise, if that is the only breakage."""
        bad, good = self._bad_and_good
        kind = self._kind[commit]
        return int(bad[kind, 1] + good[kind, 0])

    @cached_property
    def consistent(self) -> NDArray[np.bool_]:
        """The commits that explain every run at its word: all failures above them, all passes elsewhere."""
        bad, good = self._bad_and_good
        clean = (bad[:, 1] == 0) & (good[:, 0] == 0)
        which: NDArray[np.bool_] = clean[self._kind]
        return which

    @cached_property
    def _total(self) -> Count:
        return _sum((*self.inside.values(), *self.outside.values()))

    @cached_property
    def _keys(self) -> Counts:
        """For each commit one number for the failures and passes at what descends from it."""
        keys = np.zeros(len(self.prior), dtype=np.int64)
        for commit, count in self.inside.items():
            keys[commit] = count.failed * (self._total.passed + 1) + count.passed
        return self.dag.ancestry.sums_above(keys)

    @cached_property
    def _kinds(self) -> Counts:
        """The numbers that occur, ascending. Commits with the same one are alike to every run so far."""
        return np.flatnonzero(np.bincount(self._keys))

    @cached_property
    def _kind(self) -> Counts:
        place = np.zeros(int(self._kinds[-1]) + 1, dtype=np.int64)
        place[self._kinds] = np.arange(len(self._kinds))
        found: Counts = place[self._keys]
        return found

    @cached_property
    def _bad_and_good(self) -> tuple[Counts, Counts]:
        """For each kind the runs (failed, passed) at commits that are bad, and those at good ones."""
        above = np.stack(np.divmod(self._kinds, self._total.passed + 1), axis=1)
        below = np.array([self._total.failed, self._total.passed]) - above
        return (below, above) if self.fix else (above, below)

    @cached_property
    def _told(self) -> rates.Told:
        return rates.regression().told(*self._bad_and_good)

    @cached_property
    def _flaky(self) -> rates.Told:
        runs = np.array([[self._total.failed, self._total.passed]])
        return rates.no_culprit().told(runs, np.zeros_like(runs))

    @cached_property
    def _shares(self) -> _Shares:
        """Every hypothesis by Bayes' rule."""
        only = self._told.evidence[self._kind] + log(1 - _FLAKY - _NON_MONOTONIC - _ELSEWHERE)
        last = self.breakages.evidence + log(_NON_MONOTONIC)
        flaky = float(self._flaky.evidence[0]) + log(_FLAKY)
        parents = self.breakages.elsewhere + log(_ELSEWHERE / max(len(self.breakages.elsewhere), 1))
        top = max(float(only.max()), float(last.max()), flaky, float(parents.max(initial=flaky)))
        only, last = self.prior * np.exp(only - top), self.prior * np.exp(last - top)
        flaky, elsewhere = exp(flaky - top), float(np.exp(parents - top).sum())
        total = float(only.sum() + last.sum()) + flaky + elsewhere
        return _Shares(only / total, last / total, flaky / total, elsewhere / total)


@dataclass(frozen=True)
class _Shares:
    """The chances of all hypotheses, which sum to one."""

    only: Floats
    last: Floats
    flaky: float
    elsewhere: float


def _sum(counts: Collection[Count]) -> Count:
    return Count(sum(count.failed for count in counts), sum(count.passed for count in counts))
