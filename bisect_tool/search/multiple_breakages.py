"""Hypotheses of histories with several breakages: each commit is broken or sound, and its runs agree.

The first bad commit of such a history is not unique. What made the bad end bad is its *last breakage*: a
commit that fails, as its descendants do, while its parents pass. All other commits may be broken or sound. If
a parent outside the range fails, the breakage may lie there or farther down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import exp, lgamma, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bisect_tool.search.counted_runs import Count
    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Floats

_DEVIATING, _AGREEING = 0.2, 10.0
"""The runs of one commit agree: the rate of runs that deviate is Beta(0.2, 10), mostly close to 0."""
_FIXED = 0.001
"""P(a descendant of the last breakage is sound), because one of two branches was fixed. On a line it is 0, or
the breakage would not be the last."""


@dataclass(frozen=True)
class CommitLikelihood:
    """The likelihood of one commit's runs if the history breaks more than once.

    A commit is broken if its runs end as they do from a culprit on, else it is sound.

    Attributes:
        after_last: log P(its runs) if the last breakage is an ancestor of it.
        broken: The same if it is broken.
        sound: The same if it is sound.
        any: The same if it is as likely broken as sound.
        p_fail_after_last: P(its next run fails) if the last breakage is an ancestor of it.
        p_fail_any: The same if nothing is known of it but its runs.
    """

    after_last: float
    broken: float
    sound: float
    any: float
    p_fail_after_last: float
    p_fail_any: float

    @classmethod
    @cache
    def of(cls, failed: int, passed: int, *, fixed: float, fix: bool) -> CommitLikelihood:
        """The likelihood of these runs; `fixed` is P(sound | the last breakage is an ancestor).

        With `fix`, a broken commit passes and a sound one fails.
        """
        failing, passing = _repeated(failed, passed), _repeated(passed, failed)
        if_failing, if_passing = _next(failed, passed), 1 - _next(passed, failed)
        broken, sound = (passing, failing) if fix else (failing, passing)
        if_broken, if_sound = (if_passing, if_failing) if fix else (if_failing, if_passing)
        return cls(
            _mean(fixed, sound, broken),
            broken,
            sound,
            _mean(0.5, broken, sound),
            _next_of(fixed, (sound, if_sound), (broken, if_broken)),
            _next_of(0.5, (broken, if_broken), (sound, if_sound)),
        )

    @property
    def gain_after_last(self) -> float:
        """The log likelihood ratio if the last breakage is an ancestor of it."""
        return self.after_last - self.any

    @property
    def gain_breakage(self) -> float:
        """The log likelihood ratio if it is the last breakage."""
        return self.broken - self.any

    @property
    def gain_parent(self) -> float:
        """The log likelihood ratio if it is a parent of the last breakage."""
        return self.sound - self.any


@dataclass(frozen=True, eq=False)
class Breakages:
    """The runs under the hypotheses of several breakages.

    Attributes:
        dag: The commits of the range.
        inside: Runs at commits of the range, by index.
        outside: Runs at commits outside.
        before: Runs at ancestors of the ends outside, taken together as one commit, which is sound.
        goods: The ends outside, which are sound unless the breakage is outside.
        fix: The first good commit is searched.
    """

    dag: Dag
    inside: Mapping[int, Count]
    outside: Mapping[str, Count]
    before: Count
    goods: Collection[str]
    fix: bool

    @cached_property
    def log_evidence(self) -> Floats:
        """For each commit, log P(all runs) if it is the last breakage."""
        found = self._any + self._gain_after_last
        for place, runs in self._inside.items():
            found[place] += runs.gain_breakage - runs.gain_after_last
            found[list(self.dag.children.get(self.dag.candidates[place], ()))] += runs.gain_parent
        for sha, runs in self._outside.items():
            whose = slice(None) if sha in self.goods else list(self.dag.children.get(sha, ()))
            found[whose] += runs.gain_parent
        return found

    @cached_property
    def elsewhere(self) -> Floats:
        """The same for each parent outside and each good end, if that is broken."""
        parents = tuple(dict.fromkeys((*self.goods, *sorted(self.dag.boundary))))
        everything = tuple(range(len(self.dag.candidates)))
        children = [self.dag.children.get(sha, ()) or everything for sha in parents]
        own = [self._any + self._outside.get(sha, self._untried).gain_breakage for sha in parents]
        return np.array([mine + self._gain_above(each) for mine, each in zip(own, children, strict=True)])

    def _gain_above(self, commits: Sequence[int]) -> float:
        """The log likelihood ratio if the last breakage is an ancestor of all of these commits."""
        if len(commits) == 1:
            return float(self._gain_after_last[commits[0]])
        reached = np.zeros(len(self.dag.candidates), dtype=bool)
        reached[list(commits)] = True
        ancestors_of = self.dag.ancestry.ancestors_of
        tried = self._inside.items()
        return sum(runs.gain_after_last for place, runs in tried if reached[ancestors_of(place)].any())

    @cached_property
    def _gain_after_last(self) -> Floats:
        """For each commit, the log likelihood ratio of its descendants if it is the last breakage."""
        values = np.zeros(len(self.dag.candidates))
        values[list(self._inside)] = [runs.gain_after_last for runs in self._inside.values()]
        return self.dag.ancestry.sums_over_descendants(values)

    def p_fail_after_last(self) -> Floats:
        """For each commit, P(its next run fails) if the last breakage is an ancestor of it."""
        chance = np.full(len(self.dag.candidates), self._untried.p_fail_after_last)
        for place, runs in self._inside.items():
            chance[place] = runs.p_fail_after_last
        return chance

    def p_fail_inconsistent(self, end: str | None) -> Floats:
        """The same if nothing is known of a commit but its runs; the last value is that of an end outside."""
        chance = np.full(len(self.dag.candidates) + 1, self._untried.p_fail_any)
        for place, runs in self._inside.items():
            chance[place] = runs.p_fail_any
        chance[-1] = self._outside.get(end or "", self._untried).p_fail_any
        return chance

    @cached_property
    def _any(self) -> float:
        tried = sum(runs.any for each in (self._inside, self._outside) for runs in each.values())
        if not self.before.total:
            return tried
        return tried + self._likelihood(self.before.failed, self.before.passed).sound

    @cached_property
    def _untried(self) -> CommitLikelihood:
        return self._likelihood(0, 0)

    @cached_property
    def _inside(self) -> Mapping[int, CommitLikelihood]:
        return {place: self._likelihood(count.failed, count.passed) for place, count in self.inside.items()}

    @cached_property
    def _outside(self) -> Mapping[str, CommitLikelihood]:
        return {sha: self._likelihood(count.failed, count.passed) for sha, count in self.outside.items()}

    def _likelihood(self, failed: int, passed: int) -> CommitLikelihood:
        fixed = 0.0 if self.dag.ancestry.linear else _FIXED
        return CommitLikelihood.of(failed, passed, fixed=fixed, fix=self.fix)


def _repeated(expected: int, deviating: int) -> float:
    """Log P(the runs of a commit that mostly end as expected): beta-binomial."""
    total = expected + deviating
    return (
        lgamma(expected + _AGREEING)
        + lgamma(deviating + _DEVIATING)
        - lgamma(total + _AGREEING + _DEVIATING)
        + lgamma(_AGREEING + _DEVIATING)
        - lgamma(_AGREEING)
        - lgamma(_DEVIATING)
    )


def _next(expected: int, deviating: int) -> float:
    """P(the next run of such a commit ends as expected)."""
    return (expected + _AGREEING) / (expected + deviating + _AGREEING + _DEVIATING)


def _mean(share: float, one: float, other: float) -> float:
    """The log of a weighted mean of two probabilities, given as logs; `share` weighs the first."""
    high = max(one, other)
    return high + log(share * exp(one - high) + (1 - share) * exp(other - high))


def _next_of(share: float, one: tuple[float, float], other: tuple[float, float]) -> float:
    """P(fail) averaged over two hypotheses, each given as (log likelihood, P(fail))."""
    weight = share * exp(one[0] - _mean(share, one[0], other[0]))
    return weight * one[1] + (1 - weight) * other[1]
