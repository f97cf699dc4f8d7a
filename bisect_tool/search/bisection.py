"""The search for one cell's culprit: observe -> plan -> conclude, right under noise, on the commit graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, log2
from typing import TYPE_CHECKING, Self

import numpy as np

from bisect_tool.search.conclusion import (
    Candidates,
    Conclusion,
    Contradiction,
    Culprit,
    Flaky,
    Undecided,
)
from bisect_tool.search.indistinguishable import block
from bisect_tool.search.information import OUTSIDE, Predictive, bits, information
from bisect_tool.search.parallel_split import partition
from bisect_tool.search.posterior import Count, Posterior
from bisect_tool.search.relands import in_doubt
from bisect_tool.search.testable import testable
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.rates import Floats
    from bisect_tool.search.relands import Landing

_PAIR_RUNS = 2
"""How often the bad commit of the pair was seen to fail, and the good one to pass, before a name is given:
else one run by chance would be enough for a wrong one."""

_STOP_MARGIN_UNMEASURED = 1.5
_HALVED_BY = 3.0
"""By how much the doubt that is left has to be smaller than the one that is allowed, beyond once: so much as
long as no run contradicts the answer, half as much after so many that do. A search stops when luck looks
best, which flatters every answer, the more the less was measured of the noise; benchmarks/ says how much."""

_CONFIRMING_RUNS = 4
"""What it takes, about, until a commit is likely enough that every run so far points to."""

_REDS_BEFORE_GREEN = 3
"""So many commits inside the range fail before a passing end is run, where none was seen to pass."""

_RUNS_PER_BIT = 100
_LEAST_BITS = 0.02
"""A search that has taken so many runs for every bit there was to find, or that expects no more than this
share of the doubt that is allowed from the next, has met what it cannot explain. In searches that end well
the next run told five times as much."""

_RIVALS = 3
"""So many of the likeliest commits are compared with their parents before a search is given up."""

_ENOUGH_AGAINST = 8
"""So many answers of a commit against the likeliest one are enough, if the history breaks more than once."""

IDLE_BITS = 0.02
"""A slot stays idle beside others rather than run what tells less."""


@dataclass(frozen=True, eq=False)
class Bisection:
    """All that was observed about one cell; everything else follows from it.

    A commit is bad when it descends from the culprit, and good otherwise; with unknown chances a bad one
    passes and a good one fails all the same.

    Attributes:
        dag: The commits of the range and their parents.
        bad: The bad end, a commit of the range.
        goods: The good ends; they lie outside the range.
        weights: How suspect each commit is before any run; one that is not in it has the weight 1.
        confidence: How sure a conclusion has to be.
        fix: The first good commit is looked for; `bad` is then the end that passes, and `goods` fail.
        landings: The commits of changes that were reverted or landed again, as their messages say.
        observed: What the runs said, in the order in which they came in, those at the ends included.

    Raises:
        ValueError: the bad end is not a commit of the range.
    """

    dag: Dag
    bad: str
    goods: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None
    confidence: float = 0.95
    fix: bool = False
    landings: Mapping[str, Landing] | None = None
    observed: tuple[tuple[str, Verdict], ...] = ()

    def __post_init__(self) -> None:
        if self.bad not in self.dag.index:
            raise ValueError(f"the bad end {self.bad} is not in the range")

    @classmethod
    def start(cls, dag: Dag, bad: str, goods: Iterable[str] = ()) -> Self:
        """A search for the first bad commit of a cell in which nothing was tried yet.

        Raises:
            ValueError: the bad end is not a commit of the range.
        """
        return cls(dag, bad, tuple(goods))

    def observe(self, *runs: tuple[str, Verdict]) -> Self:
        """The search after more runs.

        Raises:
            ValueError: a commit is neither in the range nor one of its good neighbours.
        """
        for sha, _ in runs:
            if sha not in self.dag.index and sha not in self.dag.boundary and sha not in self.goods:
                raise ValueError(f"{sha} is not in the range")
        return replace(self, observed=(*self.observed, *runs))

    @cached_property
    def posterior(self) -> Posterior:
        """The chance of every hypothesis."""
        place = self.dag.index
        inside = {place[sha]: count for sha, count in self._counts.items() if sha in place}
        outside = {sha: count for sha, count in self._counts.items() if sha not in place}
        return Posterior(self.dag, self._prior, inside, outside, self.fix, self.good_end, self.goods)

    @property
    def probabilities(self) -> dict[str, float]:
        """The commits that are suspect enough to count, the likeliest first: all but 1 % of the certainty."""
        chance = self.posterior.commits
        order = np.argsort(-chance, kind="stable")
        kept = int(np.searchsorted(np.cumsum(chance[order]), 0.99 * chance.sum())) + 1
        return {self.dag.candidates[commit]: float(chance[commit]) for commit in order[:kept]}

    def values(self, running: Sequence[str] = ()) -> Floats:
        """How much the next run tells at each commit, and last at a good end; shape (commits + 1,).

        Bits about the culprit, less where a commit may not be testable. As long as every run can be taken at
        its word, it is: nothing narrows a range faster, and one run that contradicts ends it.
        """
        if not running:
            return self._alone
        return self._beside([self.dag.index.get(sha, OUTSIDE) for sha in running])

    @cached_property
    def _alone(self) -> Floats:
        return self._beside(())

    def _beside(self, places: Sequence[int]) -> Floats:
        worth = self._worth(Predictive.noise_free, places) if self._at_its_word else np.zeros(1)
        return worth if worth.max() >= _LEAST_BITS else self._worth(Predictive.of, places)

    def plan(self, k: int = 1, running: Sequence[str] = ()) -> tuple[str, ...]:
        """Up to `k` commits to run next, beside those where runs are under way; one may come twice."""
        if self.conclude() is not None:
            return ()
        due = list((Counter(self._required) - Counter(running)).elements())[:k]
        if not due and not running:
            due = [self.dag.candidates[commit] for commit in self._cuts(k)]
        while len(due) < k:
            values = self.values((*running, *due))
            best = int(values.argmax())
            if values[best] <= (IDLE_BITS if due or running else 0.0):
                break
            due.append(self.dag.candidates[best] if best < len(values) - 1 else str(self.good_end))
        return tuple(due)

    def conclude(self) -> Conclusion | None:
        """The answer, or None while there is something left to try."""
        return self._conclusion

    @cached_property
    def _conclusion(self) -> Conclusion | None:
        if self._without_culprit:
            return None if self.confirmation() and not self._too_long else self._no_culprit()
        together = float(self.posterior.commits[list(self._block)].sum())
        names = tuple(self.dag.candidates[commit] for commit in self._block)
        if together >= self._sure and not self.confirmation():
            skipped = tuple(sha for sha in names if sha in self._untestable)
            if len(names) == 1 and not skipped:
                return Culprit(names[0], self.dag.parents[names[0]], together, self._earlier(*self._block))
            return Candidates(names, skipped, together)
        if self._too_long or (self._exhausted and not self.confirmation()):
            return self._seen_breakage() or Undecided(tuple(self.probabilities))
        return None

    def _seen_breakage(self) -> Conclusion | None:
        """A breakage that was seen as such: where no commit gave both answers, that is what it is.

        The graph may be such that the likelihoods do not tell several of them apart.
        """
        if self._noisy:
            return None
        if any(self._is_broken(sha) for sha in self._counts if sha not in self.dag.index):
            return self._contradiction(self.confidence)
        for place in reversed(self._broken):
            sha = self.dag.candidates[place]
            pair = (sha, *self.dag.parents[sha])
            if all(self._count(each).total >= _PAIR_RUNS for each in pair) and not any(
                map(self._is_broken, self.dag.parents[sha])
            ):
                return Culprit(sha, self.dag.parents[sha], self.confidence, self._earlier(place))
        return None

    @property
    def _without_culprit(self) -> bool:
        known = self.posterior
        return known.flaky + known.elsewhere >= self._sure

    def _no_culprit(self) -> Conclusion:
        """No commit of the range is to blame, and if the ends can be run, the passing one failed as well."""
        confidence = self.posterior.flaky + self.posterior.elsewhere
        if self._repeats:
            return self._contradiction(confidence)
        return Flaky(confidence) if self._failed_where_it_passes else Undecided(tuple(self.probabilities))

    @property
    def _failed_where_it_passes(self) -> bool:
        """Whether it failed at an end at which it passes, or at a parent outside the range."""
        if self.fix:
            return self._count(self.bad).failed > 0
        return any(count.failed for sha, count in self._counts.items() if sha not in self.dag.index)

    @property
    def _too_long(self) -> bool:
        return len(self.observed) > _RUNS_PER_BIT * log2(len(self.dag.candidates) + 1)

    @property
    def _exhausted(self) -> bool:
        """Whether no single run is expected to tell anything more."""
        cut = self._at_its_word and not self._abandoned
        return not cut and float(self.values().max()) < _LEAST_BITS * (1 - self._sure)

    @property
    def shown(self) -> bool:
        """Whether the failing end was seen to fail: before that there is nothing to search for."""
        return any(self._count(end).failed for end in (self.goods if self.fix else (self.bad,)))

    @cached_property
    def good_end(self) -> str | None:
        """The end outside the range that can be run, if there is one.

        A parent outside that was tried and did not answer as it should stands for the ends: its next run
        tells whether that was chance, or whether it is no good commit at all.
        """
        tried = (sha for sha in self._counts if sha not in self.dag.index and sha not in self.goods)
        open_ones = [sha for sha in (*self.goods, *tried) if sha not in self._abandoned]
        against = {sha: self._count(sha).passed if self.fix else self._count(sha).failed for sha in open_ones}
        return max(open_ones, key=against.__getitem__, default=None)

    @property
    def unseen_end(self) -> str | None:
        """A passing end that has to be run now, since so far everything fails that was tried.

        Any commit of the range that passes shows that the cell can, as well as the end would.
        """
        if any(count.passed for count in self._counts.values()):
            return None
        failed = self._counts.keys() - {self.bad, *self.goods}
        if len(failed) < min(_REDS_BEFORE_GREEN, len(self.dag.candidates) - 1):
            return None
        ends = (self.bad,) if self.fix else self.goods
        return next((end for end in ends if end not in self._counts and end not in self._untestable), None)

    def _worth(self, outlook: Callable[[Posterior], Predictive], running: Sequence[int]) -> Floats:
        bits = np.maximum(information(outlook(self.posterior), running), 0.0)
        if self.good_end is None:
            bits[-1] = 0.0
        if self._abandoned:
            bits[:-1] = self._discounted(bits[:-1])
        return bits

    def _discounted(self, bits: Floats) -> Floats:
        """Bits of commits that were never tried count for less near those that tell nothing.

        Only for less than one another: beside commits that were tried the best of them counts in full, or
        else the search would rather ask those again for ever than enter a stretch that was skipped.
        """
        heard = [self.dag.index[sha] for sha in self._counts if sha in self.dag.index]
        unverified_good_end = bits * testable(self.dag, self._skipped)
        unverified_good_end[heard] = 0.0
        best = int(unverified_good_end.argmax())
        if unverified_good_end[best] > 0.0:
            unverified_good_end *= bits[best] / unverified_good_end[best]
        unverified_good_end[heard] = bits[heard]
        unverified_good_end[[self.dag.index[sha] for sha in self._abandoned if sha in self.dag.index]] = 0.0
        return unverified_good_end

    @property
    def _at_its_word(self) -> bool:
        return self.narrowing and bool(self.posterior.consistent.any())

    @cached_property
    def narrowing(self) -> bool:
        """Whether a commit is left to be found, were every run so far to be taken at its word."""
        known = self.posterior
        share = known.prior * known.consistent
        return bool(share.max() <= self.confidence * share.sum())

    @property
    def unrefuted(self) -> tuple[str, ...]:
        """The commits that explain every run at its word, ancestors first; none where runs disagree.

        With every run there are as many of them or fewer.
        """
        return tuple(self.dag.candidates[commit] for commit in np.flatnonzero(self.posterior.consistent))

    @property
    def remaining(self) -> tuple[str, ...]:
        """The commits that hold the first bad one at the asked confidence, ancestors first."""
        chance = self.posterior.commits
        order = np.argsort(-chance, kind="stable")
        kept = int(np.searchsorted(np.cumsum(chance[order]), self.confidence * chance.sum())) + 1
        return tuple(self.dag.candidates[commit] for commit in sorted(order[:kept]))

    def steps_left(self) -> int:
        """About how many more runs it takes."""
        if self.conclude() is not None:
            return 0
        known = self.posterior
        if self._at_its_word:
            return ceil(log2(int(known.consistent.sum()))) + _CONFIRMING_RUNS
        doubt = log2(max(1 - float(known.commits.max()), 1e-9) / (1 - self._sure))
        if known.consistent.any():
            return max(1, len(self.confirmation()), ceil(doubt))
        chance = known.commits[known.commits > 0.0]
        spread = float(-(chance * np.log2(chance)).sum())
        return max(1, len(self.confirmation()), ceil((spread + max(doubt, 0.0)) / self._carried()))

    def _carried(self) -> float:
        """The bits of a run, with the rates of the likeliest commit, if half of those asked are bad."""
        place = int(self.posterior.commits.argmax())
        rates = np.array([self.posterior.p_fail_bad[place], self.posterior.p_fail_good[place]])
        return max(float((bits(rates.mean(keepdims=True)) - bits(rates).mean())[0]), 1e-3)

    def confirmation(self) -> tuple[str, ...]:
        """The runs that are missing before the likeliest commit is named, once it is likely enough.

        The culprit has to have failed twice, and its parents to have passed twice. A parent that is good by
        descent alone is among them: where it is bad after all, the failure came to the culprit from further
        down. That there is no culprit is not concluded before an end that passes was seen to fail: what fails
        seldom, but at bad commits only, looks much like it.
        """
        if self._without_culprit:
            end = self.bad if self.fix else self.good_end
            seen = self._failed_where_it_passes or end is None or end in self._abandoned
            return () if seen else (str(end),)
        if float(self.posterior.commits[list(self._block)].sum()) < self._sure:
            return self._last_resort() if self._exhausted else ()
        names = [self.dag.candidates[commit] for commit in self._block]
        triable = [sha for sha in names if sha not in self._abandoned]
        parents = dict.fromkeys(parent for sha in names for parent in self.dag.parents[sha])
        outer = [parent for parent in parents if parent not in names and parent not in self._abandoned]
        red, green = (outer, triable[-1:]) if self.fix else (triable[-1:], outer)
        lacking = {sha: _PAIR_RUNS - self._count(sha).failed for sha in red}
        lacking |= {sha: _PAIR_RUNS - self._count(sha).passed for sha in green}
        missing = tuple(sha for sha, runs in lacking.items() for _ in range(runs))
        return missing or self._in_question() or self._unseen_breakages()

    def _last_resort(self) -> tuple[str, ...]:
        """What is run before the search is given up: the likeliest commits and their parents, twice each."""
        rivals = np.argsort(-self.posterior.commits, kind="stable")[:_RIVALS]
        names = [self.dag.candidates[commit] for commit in rivals]
        around = dict.fromkeys(sha for name in names for sha in (name, *self.dag.parents[name]))
        lacking = {sha: _PAIR_RUNS - self._count(sha).total for sha in around if sha not in self._abandoned}
        return tuple(sha for sha, runs in lacking.items() for _ in range(runs))

    def _in_question(self) -> tuple[str, ...]:
        """A commit that answered against the likeliest one, as long as no commit gave both answers.

        Noise is no explanation before any was seen: either it comes to light, or the answers of a history
        that breaks more than once add up. Such a history explains what answers so without the likeliest
        commit; what has that, and was seen to be sound a few times, may be fixed on another branch.
        """
        culprit = self._block[-1]
        if self._noisy:
            return ()
        has_it = {self.dag.candidates[place] for place in self.dag.descendants(culprit)}
        against = {
            sha for sha in self._counts if self._is_broken(sha) is not (sha in has_it)
        } - self._abandoned
        if self.posterior.last[culprit] > self.posterior.only[culprit]:
            against = {sha for sha in against & has_it if self._count(sha).total < _ENOUGH_AGAINST}
        return tuple(sorted(against, key=lambda sha: (self._count(sha).total, sha))[:1])

    def _unseen_breakages(self) -> tuple[str, ...]:
        """The commits that were not run and show whether a change that was reverted broke it more than once.

        One run of each is enough, since it repeats its answer; where noise was seen, it would not.
        """
        culprit = self._block[-1]
        if self._noisy or not self.landings:
            return ()
        known = self._earlier(culprit) is not None
        asked = in_doubt(self.dag, self.landings, self.dag.candidates[culprit], broke_before=known)
        return tuple(sha for sha in asked if sha not in self._counts and sha not in self._abandoned)

    @property
    def _noisy(self) -> bool:
        """Whether a commit gave both answers."""
        return any(count.failed and count.passed for count in self._counts.values())

    @property
    def _required(self) -> tuple[str, ...]:
        return (self.unseen_end,) if self.unseen_end is not None else self.confirmation()

    def _count(self, sha: str) -> Count:
        return self._counts.get(sha, Count())

    @cached_property
    def _sure(self) -> float:
        known = self.posterior
        measured = known.contradictions(int(known.commits.argmax())) / _HALVED_BY
        return 1 - (1 - self.confidence) / (1 + _STOP_MARGIN_UNMEASURED / (1 + measured))

    @cached_property
    def _prior(self) -> Floats:
        given = self.weights or {}
        weight = np.array([given.get(sha, 1.0) for sha in self.dag.candidates]) if given else None
        prior = np.ones(len(self.dag.candidates)) if weight is None else weight
        share: Floats = prior / prior.sum()
        return share

    @cached_property
    def _counts(self) -> dict[str, Count]:
        failed = Counter(sha for sha, said in self.observed if said is Verdict.BAD)
        passed = Counter(sha for sha, said in self.observed if said is Verdict.GOOD)
        return {sha: Count(failed[sha], passed[sha]) for sha in dict.fromkeys((*failed, *passed))}

    @cached_property
    def _abandoned(self) -> frozenset[str]:
        """What is not worth another run: the last that was heard of it is that it tells nothing."""
        return frozenset(sha for sha, said in dict(self.observed).items() if said is Verdict.SKIP)

    @cached_property
    def _untestable(self) -> frozenset[str]:
        """What was tried and never told anything."""
        return self._abandoned - self._counts.keys()

    @cached_property
    def _skipped(self) -> tuple[int, ...]:
        place = self.dag.index
        return tuple(place[sha] for sha in self._untestable if sha in place)

    @cached_property
    def _block(self) -> tuple[int, ...]:
        """The likeliest commit, with those that no trial can tell from it."""
        return block(self.dag, int(self.posterior.commits.argmax()), self._skipped)

    def _cuts(self, k: int) -> tuple[int, ...]:
        """Where k trials at once cut a line on which every run so far can be taken at its word."""
        suspects = np.flatnonzero(self.posterior.consistent)
        if not self.dag.ancestry.linear or self._abandoned or not self.narrowing or len(suspects) < 2:
            return ()
        weights = self.posterior.commits[suspects]
        if k == 1:
            total = np.cumsum(weights[:-1])
            return (int(suspects[np.abs(total - (total[-1] + weights[-1]) / 2).argmin()]),)
        return tuple(int(suspects[place]) for place in partition(weights.tolist(), k))

    @property
    def _repeats(self) -> bool:
        """Whether some commits fail and some pass, and each does so every time."""
        counts = self._counts.values()
        fails, passes = (
            any(run) for run in zip(*((each.failed, each.passed) for each in counts), strict=True)
        )
        return fails and passes and not self._noisy

    def _earlier(self, culprit: int) -> tuple[str, str | None] | None:
        """The highest commit that is broken without the culprit, if several breakages are likelier."""
        if self.posterior.last[culprit] <= self.posterior.only[culprit]:
            return None
        has_it = self.dag.descendants(culprit)
        broken = [place for place in self._broken if place not in has_it]
        return (self.dag.candidates[broken[-1]], self._sound_again(broken[-1])) if broken else None

    def _contradiction(self, confidence: float) -> Contradiction:
        """A commit that is broken, and one that is sound though it is or descends from that."""
        outside = [sha for sha in sorted(self._counts) if sha not in self.dag.index and self._is_broken(sha)]
        for bad, good in ((self.dag.candidates[each], self._sound_again(each)) for each in self._broken):
            if good is not None and not outside:
                return Contradiction(good, bad, confidence)
        end = outside[0] if outside else self.bad
        return Contradiction(end, end, confidence)

    def _sound_again(self, broken: int) -> str | None:
        """The lowest commit that is sound most of the time, though it descends from a broken one."""
        for place in sorted(self.dag.descendants(broken)):
            count = self._count(self.dag.candidates[place])
            if (count.failed > count.passed) if self.fix else (count.passed > count.failed):
                return self.dag.candidates[place]
        return None

    @property
    def _broken(self) -> tuple[int, ...]:
        """The commits of the range that answer as from a culprit on most of the time, ancestors first."""
        return tuple(
            sorted(
                self.dag.index[sha]
                for sha in self._counts.keys() & self.dag.index.keys()
                if self._is_broken(sha)
            )
        )

    def _is_broken(self, sha: str) -> bool:
        count = self._count(sha)
        return count.passed > count.failed if self.fix else count.failed > count.passed
