"""Histories that break more than once: each commit has an answer of its own, which its runs repeat.

The first bad commit of such a history is not unique. What made the bad end bad is its *last breakage*: a
commit that fails, as what descends from it does, while its parents pass. What the others answer is free. If a
parent outside the range fails, the breakage may lie there or farther down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import exp, lgamma, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.posterior import Count
    from bisect_tool.search.rates import Floats

_STRAYS, _REPEATS = 0.2, 10.0
"""The runs of one commit agree: its rate of other answers is Beta(0.2, 10), mostly next to nothing."""
_FIXED = 0.001
"""How often a commit is sound although the last breakage is under it: it was fixed on one of two branches. On
a line that cannot be, or the breakage would not be the last."""


@dataclass(frozen=True)
class Answers:
    """What the runs of one commit say where every commit has an answer of its own.

    A commit is broken if it answers as those from a culprit on, else it is sound.

    Attributes:
        under: The logarithm of the chance of its runs if the last breakage is under it.
        broken: The same if it is broken.
        sound: The same if it is sound.
        any: The same if it is as likely broken as sound.
        next_under: The chance that its next run fails if the last breakage is under it.
        next_any: The same if nothing is known of it but its runs.
    """

    under: float
    broken: float
    sound: float
    any: float
    next_under: float
    next_any: float

    @classmethod
    @cache
    def of(cls, failed: int, passed: int, *, fixed: float, fix: bool) -> Answers:
        """Weigh the runs of a commit that is sound so often although the last breakage is under it.

        With `fix` what is broken passes, and what is sound fails.
        """
        failing, passing = _repeated(failed, passed), _repeated(passed, failed)
        if_failing, if_passing = _next(failed, passed), 1 - _next(passed, failed)
        broken, sound = (passing, failing) if fix else (failing, passing)
        if_broken, if_sound = (if_passing, if_failing) if fix else (if_failing, if_passing)
        alike = _mean(0.5, broken, sound)
        next_any = _next_of(0.5, (broken, if_broken), (sound, if_sound))
        under = _mean(fixed, sound, broken)
        return cls(
            under, broken, sound, alike, _next_of(fixed, (sound, if_sound), (broken, if_broken)), next_any
        )

    @property
    def if_under(self) -> float:
        """How much more the chance is if the last breakage is under it."""
        return self.under - self.any

    @property
    def if_breakage(self) -> float:
        """How much more the chance is if it is the last breakage."""
        return self.broken - self.any

    @property
    def if_parent(self) -> float:
        """How much more that is if it is a parent of the last breakage."""
        return self.sound - self.any


@dataclass(frozen=True, eq=False)
class Breakages:
    """The runs under the hypotheses of several breakages.

    Attributes:
        dag: The commits of the range.
        inside: Runs at commits of the range, by index.
        outside: Runs at commits outside.
        goods: The ends outside, which are sound if the history is as it was said to be.
        fix: A commit that mends the cell is looked for.
    """

    dag: Dag
    inside: Mapping[int, Count]
    outside: Mapping[str, Count]
    goods: Collection[str]
    fix: bool

    @cached_property
    def evidence(self) -> Floats:
        """For each commit the logarithm of the chance of all runs if it is the last breakage."""
        found = self._any + self._under
        for place, answers in self._inside.items():
            found[place] += answers.if_breakage - answers.if_under
            found[list(self.dag.children.get(self.dag.candidates[place], ()))] += answers.if_parent
        for sha, answers in self._outside.items():
            whose = slice(None) if sha in self.goods else list(self.dag.children.get(sha, ()))
            found[whose] += answers.if_parent
        return found

    @cached_property
    def elsewhere(self) -> Floats:
        """The same if a parent outside is broken, for each of them, good ends among them."""
        parents = tuple(dict.fromkeys((*self.goods, *sorted(self.dag.boundary))))
        everything = tuple(range(len(self.dag.candidates)))
        children = [self.dag.children.get(sha, ()) or everything for sha in parents]
        own = [self._any + self._outside.get(sha, self._untried).if_breakage for sha in parents]
        return np.array([mine + self._above(each) for mine, each in zip(own, children, strict=True)])

    def _above(self, commits: Sequence[int]) -> float:
        """How much more the chance is if the last breakage is under all of these commits."""
        if len(commits) == 1:
            return float(self._under[commits[0]])
        reached = np.zeros(len(self.dag.candidates), dtype=bool)
        reached[list(commits)] = True
        under = self.dag.ancestry.under
        return sum(answers.if_under for place, answers in self._inside.items() if reached[under(place)].any())

    @cached_property
    def _under(self) -> Floats:
        """How much more the chance is if the last breakage is under each commit."""
        values = np.zeros(len(self.dag.candidates))
        values[list(self._inside)] = [answers.if_under for answers in self._inside.values()]
        return self.dag.ancestry.sums_above(values)

    def next_under(self) -> Floats:
        """The chance that the next run of each commit fails, if the last breakage is under it."""
        chance = np.full(len(self.dag.candidates), self._untried.next_under)
        for place, answers in self._inside.items():
            chance[place] = answers.next_under
        return chance

    def next_any(self, end: str | None) -> Floats:
        """The same if nothing is known of a commit but its runs, and last at an end outside."""
        chance = np.full(len(self.dag.candidates) + 1, self._untried.next_any)
        for place, answers in self._inside.items():
            chance[place] = answers.next_any
        chance[-1] = self._outside.get(end or "", self._untried).next_any
        return chance

    @cached_property
    def _any(self) -> float:
        return sum(answers.any for each in (self._inside, self._outside) for answers in each.values())

    @cached_property
    def _untried(self) -> Answers:
        return self._answers(0, 0)

    @cached_property
    def _inside(self) -> Mapping[int, Answers]:
        return {place: self._answers(count.failed, count.passed) for place, count in self.inside.items()}

    @cached_property
    def _outside(self) -> Mapping[str, Answers]:
        return {sha: self._answers(count.failed, count.passed) for sha, count in self.outside.items()}

    def _answers(self, failed: int, passed: int) -> Answers:
        fixed = 0.0 if self.dag.ancestry.linear else _FIXED
        return Answers.of(failed, passed, fixed=fixed, fix=self.fix)


def _repeated(expected: int, strays: int) -> float:
    """The logarithm of the chance of the runs of a commit that mostly answers as expected: beta-binomial."""
    total = expected + strays
    return (
        lgamma(expected + _REPEATS)
        + lgamma(strays + _STRAYS)
        - lgamma(total + _REPEATS + _STRAYS)
        + lgamma(_REPEATS + _STRAYS)
        - lgamma(_REPEATS)
        - lgamma(_STRAYS)
    )


def _next(expected: int, strays: int) -> float:
    """The chance that its next run answers as expected."""
    return (expected + _REPEATS) / (expected + strays + _REPEATS + _STRAYS)


def _mean(share: float, one: float, other: float) -> float:
    """The logarithm of a mean of two chances, given as logarithms; `share` is the weight of the first."""
    high = max(one, other)
    return high + log(share * exp(one - high) + (1 - share) * exp(other - high))


def _next_of(share: float, one: tuple[float, float], other: tuple[float, float]) -> float:
    """The chance of a failure, from that under two hypotheses and the logarithms of their chances."""
    weight = share * exp(one[0] - _mean(share, one[0], other[0]))
    return weight * one[1] + (1 - weight) * other[1]
