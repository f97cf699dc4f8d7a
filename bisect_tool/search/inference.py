"""Infer which commit broke a cell, how often it fails, and which ends are verified, from its runs so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from bisect_tool.search.counted_runs import NO_RUNS, Count
from bisect_tool.search.earlier_runs import NO_EARLIER_RUNS
from bisect_tool.search.indistinguishable_commits import block
from bisect_tool.search.posterior import Posterior
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.search.dag import Dag
    from bisect_tool.search.earlier_runs import EarlierRuns
    from bisect_tool.search.rates import Floats
    from bisect_tool.search.relands import Landing

_FAILING_COMMITS_BEFORE_PASSING_END = 3
"""A passing end is run once this many commits of the range failed and none passed."""

_REPORTED_SHARE = 0.99
"""The total posterior probability of the reported commits."""


@dataclass(frozen=True, eq=False)
class Inference:
    """The runs of one cell, and the posterior that follows from them.

    A commit is bad if it descends from the culprit, and good otherwise. A bad commit may pass and a good one
    may fail, with unknown probabilities.

    Attributes:
        dag: The commits of the range and their parents.
        bad: The bad end, a commit of the range.
        goods: The good ends, outside the range.
        weights: Prior weight of each commit; 1 for a commit that is not listed.
        confidence: The posterior probability at which a commit is named.
        fix: Search the first good commit: `bad` is then the end that passes, and `goods` fail.
        landings: Commits of changes that were reverted or landed again, according to their messages.
        earlier: Runs observed elsewhere, for the posterior only: they neither reproduce nor confirm.
        observed: The verdicts of all runs, in the order in which the runs ended.

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
    earlier: EarlierRuns = NO_EARLIER_RUNS
    observed: tuple[tuple[str, Verdict], ...] = ()

    def __post_init__(self) -> None:
        if self.bad not in self.dag.index:
            raise ValueError(f"the bad end {self.bad} is not in the range")

    def observe(self, *runs: tuple[str, Verdict]) -> Self:
        """Add runs.

        Raises:
            ValueError: a commit is neither in the range, nor a parent of its commits, nor a good end.
        """
        for sha, _ in runs:
            if sha not in self.dag.index and sha not in self.dag.boundary and sha not in self.goods:
                raise ValueError(f"{sha} is not in the range")
        return replace(self, observed=(*self.observed, *runs))

    @cached_property
    def counts(self) -> dict[str, Count]:
        """Failures and passes of every commit with a conclusive run; commits that failed come first."""
        failed = Counter(sha for sha, verdict in self.observed if verdict is Verdict.BAD)
        passed = Counter(sha for sha, verdict in self.observed if verdict is Verdict.GOOD)
        return {sha: Count(failed[sha], passed[sha]) for sha in dict.fromkeys((*failed, *passed))}

    def count(self, sha: str) -> Count:
        """Failures and passes of a commit."""
        return self.counts.get(sha, NO_RUNS)

    @property
    def inconsistent(self) -> bool:
        """Whether a commit failed in one run and passed in another."""
        return any(count.failed and count.passed for count in self.counts.values())

    @cached_property
    def given_up(self) -> frozenset[str]:
        """The commits that are not run again: their latest run gave no result."""
        return frozenset(sha for sha, verdict in dict(self.observed).items() if verdict is Verdict.SKIP)

    @cached_property
    def untestable(self) -> frozenset[str]:
        """The commits that were tried without any result."""
        return self.given_up - self.counts.keys()

    @cached_property
    def untestable_places(self) -> tuple[int, ...]:
        """The untestable commits of the range, as indices."""
        place = self.dag.index
        return tuple(place[sha] for sha in self.untestable if sha in place)

    @cached_property
    def posterior(self) -> Posterior:
        """The probability of every hypothesis."""
        place, counts = self.dag.index, self._counts_with_earlier
        inside = {place[sha]: count for sha, count in counts.items() if sha in place}
        outside = {sha: count for sha, count in counts.items() if sha not in place}
        before = self.earlier.before
        return Posterior(self.dag, self._prior, inside, outside, before, self.fix, self.good_end, self.goods)

    @property
    def _counts_with_earlier(self) -> Mapping[str, Count]:
        """Failures and passes in our own and observed runs; observed descendants of `bad` count as `bad`."""
        counts = dict(self.counts)
        for sha, count in (*self.earlier.at, (self.bad, self.earlier.after)):
            if count.total:
                counts[sha] = counts.get(sha, NO_RUNS) + count
        return counts

    @cached_property
    def _prior(self) -> Floats:
        given = self.weights or {}
        weight = np.array([given.get(sha, 1.0) for sha in self.dag.candidates]) if given else None
        prior = np.ones(len(self.dag.candidates)) if weight is None else weight
        share: Floats = prior / prior.sum()
        return share

    @property
    def probabilities(self) -> dict[str, float]:
        """The likeliest commits, which hold 99% of the posterior of all commits, and their probabilities."""
        chance = self.posterior.commits
        return {self.dag.candidates[place]: float(chance[place]) for place in self._top(_REPORTED_SHARE)}

    @property
    def credible_set(self) -> tuple[str, ...]:
        """The commits that hold the culprit at the requested confidence, ancestors first."""
        return tuple(self.dag.candidates[place] for place in sorted(self._top(self.confidence)))

    def _top(self, share: float) -> list[int]:
        """The fewest commits that hold this share of the posterior of all commits, the likeliest first."""
        chance = self.posterior.commits
        order = np.argsort(-chance, kind="stable")
        kept = int(np.searchsorted(np.cumsum(chance[order]), share * chance.sum())) + 1
        return [int(place) for place in order[:kept]]

    @property
    def consistent(self) -> tuple[str, ...]:
        """The commits that explain every run without noise, ancestors first; further runs never add one."""
        return tuple(self.dag.candidates[commit] for commit in np.flatnonzero(self.posterior.consistent))

    @cached_property
    def narrowing(self) -> bool:
        """Whether no commit would be probable enough yet, if runs had no noise."""
        known = self.posterior
        share = known.prior * known.consistent
        return bool(share.max() <= self.confidence * share.sum())

    @property
    def assumes_no_noise(self) -> bool:
        """Whether the search halves as without noise: it narrows, and no run contradicts another."""
        return self.narrowing and bool(self.posterior.consistent.any())

    @cached_property
    def block(self) -> tuple[int, ...]:
        """The likeliest commit, with those that no trial can distinguish from it."""
        return block(self.dag, int(self.posterior.commits.argmax()), self.untestable_places)

    @property
    def block_probability(self) -> float:
        """The probability that the culprit is one of `block`."""
        return float(self.posterior.commits[list(self.block)].sum())

    @property
    def reproduced(self) -> bool:
        """Whether the failing end failed at least once; before that there is nothing to search for."""
        return any(self.count(end).failed for end in (self.goods if self.fix else (self.bad,)))

    @property
    def failed_where_it_passes(self) -> bool:
        """Whether the cell failed at a passing end, or at a parent outside the range."""
        if self.fix:
            return self.count(self.bad).failed > 0
        return any(count.failed for sha, count in self.counts.items() if sha not in self.dag.index)

    @cached_property
    def good_end(self) -> str | None:
        """The commit outside the range that would be run next, if there is one.

        A parent outside that did not behave like a good end comes first: its next run shows whether that was
        noise or whether it is not a good commit.
        """
        tried = (sha for sha in self.counts if sha not in self.dag.index and sha not in self.goods)
        testable = [sha for sha in (*self.goods, *tried) if sha not in self.given_up]
        against = {sha: self.count(sha).passed if self.fix else self.count(sha).failed for sha in testable}
        return max(testable, key=against.__getitem__, default=None)

    @property
    def unverified_end(self) -> str | None:
        """A passing end that must be run now, because every run so far failed.

        Any passing commit of the range would also show that the cell can pass.
        """
        if any(count.passed for count in self.counts.values()):
            return None
        failed = self.counts.keys() - {self.bad, *self.goods}
        if len(failed) < min(_FAILING_COMMITS_BEFORE_PASSING_END, len(self.dag.candidates) - 1):
            return None
        ends = (self.bad,) if self.fix else self.goods
        return next((end for end in ends if end not in self.counts and end not in self.untestable), None)
