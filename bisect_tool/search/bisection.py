"""The deterministic search: plan -> observe -> conclude, on the commit graph, with skips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from bisect_tool.search.choice import beside, within
from bisect_tool.search.conclusion import Candidates, Conclusion, Contradiction, Culprit
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.search.dag import Dag


@dataclass(frozen=True, eq=False)
class Bisection:
    """All that was observed about one cell; everything else follows from it.

    A commit is taken to be bad when it descends from the first bad one, and good when a good one descends
    from it. So the suspects are what all bad commits have under them and no good one has. Should bad commits
    have nothing suspect in common, there is more than one first bad commit, and the one under the bad end
    is searched for.

    Attributes:
        dag: The commits of the range and their parents.
        bad: The bad end, a commit of the range.
        goods: The good ends; they lie outside the range.
        observed: What the trials said, in the order in which they came in.

    Raises:
        ValueError: the bad end is not a commit of the range.
    """

    dag: Dag
    bad: str
    goods: tuple[str, ...] = ()
    observed: tuple[tuple[str, Verdict], ...] = ()

    def __post_init__(self) -> None:
        if self.bad not in self.dag.index:
            raise ValueError(f"the bad end {self.bad} is not in the range")

    @classmethod
    def start(cls, dag: Dag, bad: str, goods: Iterable[str] = ()) -> Self:
        """A search in which nothing was tried yet but the ends.

        Raises:
            ValueError: the bad end is not a commit of the range.
        """
        return cls(dag, bad, tuple(goods))

    def observe(self, sha: str, verdict: Verdict) -> Self:
        """The search after one more trial.

        Raises:
            ValueError: `sha` is neither in the range nor one of its good neighbours.
        """
        if sha not in self.dag.index and sha not in self.dag.boundary and sha not in self.goods:
            raise ValueError(f"{sha} is not in the range")
        return replace(self, observed=(*self.observed, (sha, verdict)))

    def plan(self, k: int = 1) -> tuple[str, ...]:
        """Up to `k` distinct commits to try next, that cut the suspects into `k` + 1 parts."""
        if self.conclude() is not None:
            return ()
        if self._untried:
            chosen = within(self.dag, self._suspects, self._untried, self._skipped, k)
        else:
            chosen = beside(self.dag, self._suspects, self._known, k)
        return tuple(self.dag.candidates[commit] for commit in chosen)

    def conclude(self) -> Conclusion | None:
        """The answer, or None while there is something left to try."""
        if self._contradiction is not None:
            return self._contradiction
        if self._untried or beside(self.dag, self._suspects, self._known, 1):
            return None
        names = self.dag.candidates
        if len(self._suspects) == 1 and not self._skipped:
            sha = names[self._suspects[0]]
            return Culprit(sha, self.dag.parents[sha])
        return Candidates(self.remaining, tuple(names[commit] for commit in self._skipped))

    @property
    def remaining(self) -> tuple[str, ...]:
        """The commits that can still be the first bad one, ancestors first."""
        return tuple(self.dag.candidates[commit] for commit in self._suspects)

    def steps_left(self) -> int:
        """How many more trials a search without further skips would take at most on a linear history."""
        if self.conclude() is not None:
            return 0
        return max(1, (len(self._suspects) - len(self._skipped) - 1).bit_length())

    def confirmation(self) -> tuple[str, ...]:
        """The commits to try again before the culprit is named: itself and its parents that can be tried.

        A parent that is good by descent alone is among them. Where it is bad after all, the failure was
        mended on the way to the good commit above it, and came to this one from further down.
        """
        found = self.conclude()
        if not isinstance(found, Culprit):
            return ()
        skipped = self._commits(Verdict.SKIP) - self._commits(Verdict.GOOD)
        return (found.sha, *(parent for parent in found.parents if parent not in skipped))

    def _commits(self, verdict: Verdict) -> set[str]:
        return {sha for sha, said in self.observed if said is verdict}

    def _places(self, verdict: Verdict) -> list[int]:
        place = self.dag.index
        return [place[sha] for sha, said in self.observed if said is verdict and sha in place]

    @cached_property
    def _good(self) -> set[int]:
        """Everything under a commit that was seen good."""
        return self.dag.ancestors(self._places(Verdict.GOOD))

    @cached_property
    def _bad(self) -> set[int]:
        """What was seen bad itself."""
        return {self.dag.index[self.bad], *self._places(Verdict.BAD)}

    @cached_property
    def _suspects(self) -> tuple[int, ...]:
        earliest = self.dag.index[self.bad]
        under = self.dag.ancestors([earliest])
        beside = []
        for commit in self._places(Verdict.BAD):
            if commit not in under:
                beside.append(commit)
            elif commit != earliest:
                earliest, under = commit, self.dag.ancestors([commit])
        suspects = under - self._good
        common = suspects.intersection(*(self.dag.ancestors([commit]) for commit in beside))
        return tuple(sorted(common or suspects))

    @cached_property
    def _skipped(self) -> tuple[int, ...]:
        skipped = set(self._places(Verdict.SKIP)) - self._bad
        return tuple(commit for commit in self._suspects if commit in skipped)

    @cached_property
    def _untried(self) -> tuple[int, ...]:
        tried = self._bad.union(self._skipped)
        return tuple(commit for commit in self._suspects if commit not in tried)

    @cached_property
    def _known(self) -> set[int]:
        """What was tried, or need not be, because it is good by descent."""
        return {*self._good, *self._bad, *self._places(Verdict.SKIP)}

    @cached_property
    def _contradiction(self) -> Contradiction | None:
        place = self.dag.index
        for sha in dict.fromkeys((self.bad, *self._in_order(Verdict.BAD))):
            if sha not in place:
                return Contradiction(good=sha, bad=sha)
            if place[sha] in self._good:
                goods = (good for good in self._in_order(Verdict.GOOD) if good in place)
                heir = next(good for good in goods if place[sha] in self.dag.ancestors([place[good]]))
                return Contradiction(good=heir, bad=sha)
        return None

    def _in_order(self, verdict: Verdict) -> tuple[str, ...]:
        return tuple(sha for sha, said in self.observed if said is verdict)
