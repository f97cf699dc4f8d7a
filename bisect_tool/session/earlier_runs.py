"""Assign runs observed elsewhere to the range of a bisection, for each cell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.git.commit_relations import ancestors, between, existing
from bisect_tool.search.counted_runs import NO_RUNS, Count
from bisect_tool.search.earlier_runs import EarlierRuns
from bisect_tool.stats import false_pass_probability

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.git import Range, Repository
    from bisect_tool.mode import Bisect


def earlier_runs(mode: Bisect, bad: str, span: Range, repository: Repository) -> Mapping[str, EarlierRuns]:
    """Return the observed runs of each cell that are evidence for the range.

    Runs before the good ends count as good, and runs after the bad end as bad, unless a series of passes
    shows that the cell was fixed since. With `find="fix"`, it is the reverse; but most failures began some
    time before the failing end, so only runs from the first failure on count there.
    """
    cells: defaultdict[str, defaultdict[str, Count]] = defaultdict(lambda: defaultdict(Count))
    for each in mode.observations:
        cells[each.cell][each.commit] += Count(each.failed, each.passed)
    observed = frozenset(each.commit for each in mode.observations)
    around = _Around(mode, bad, span, repository, observed)
    return {cell: around.assign(counts) for cell, counts in cells.items()}


@dataclass(frozen=True)
class _Around:
    """A range, and the observed commits around it."""

    mode: Bisect
    bad: str
    span: Range
    repository: Repository
    observed: frozenset[str]

    def assign(self, counts: Mapping[str, Count]) -> EarlierRuns:
        """Assign the runs of a cell, by commit."""
        if self.mode.find == "regression":
            before, after = self._before, self._not_fixed(counts)
        else:
            before, after = self._from_first(_failed(counts)), self._descendants(self._beyond)
        return EarlierRuns(
            at=tuple((sha, count) for sha, count in sorted(counts.items()) if sha in self._at),
            before=_sum(counts.get(sha, NO_RUNS) for sha in before),
            after=_sum(counts.get(sha, NO_RUNS) for sha in after),
            commits=len(counts.keys() & (self._at | before | after)),
        )

    @cached_property
    def _at(self) -> frozenset[str]:
        """The commits of the range, its ends and, if they are good, the parents outside."""
        outside = self.span.boundary if self.mode.find == "regression" else ()
        return frozenset((*self.span.parents, *self.mode.goods, *outside))

    @cached_property
    def _outside(self) -> frozenset[str]:
        return existing(self.repository.git, self.observed - self._at)

    @cached_property
    def _before(self) -> frozenset[str]:
        """The observed ancestors of the ends outside."""
        return ancestors(self.repository.git, self._outside, self.mode.goods)

    @property
    def _beyond(self) -> frozenset[str]:
        """The other observed commits outside: descendants of the end inside, or beside its history."""
        return self._outside - self._before

    def _not_fixed(self, counts: Mapping[str, Count]) -> frozenset[str]:
        """The observed descendants of the bad end; up to the last failure if the cell was fixed after it."""
        everything = self._descendants(self._beyond.intersection(counts))
        known = self._descendants(self._beyond & _failed(counts))
        broken = _sum(counts.get(sha, NO_RUNS) for sha in {self.bad, *known})
        passes = _sum(counts[sha] for sha in everything - known).passed
        chance = false_pass_probability(broken.failed, broken.total, passes)
        return everything if chance > 1 - self.mode.confidence else known

    def _descendants(self, up_to: frozenset[str]) -> frozenset[str]:
        """Return the observed descendants of the end inside up to these commits; cached."""
        if up_to not in self._known_descendants:
            found = self._outside & between(self.repository.git, self.bad, sorted(up_to))
            self._known_descendants[up_to] = found
        return self._known_descendants[up_to]

    @cached_property
    def _known_descendants(self) -> dict[frozenset[str], frozenset[str]]:
        return {}

    def _from_first(self, failed: frozenset[str]) -> frozenset[str]:
        """Return the observed ancestors of the end outside, from the first of these failures on."""
        first = self._before & failed
        later = (between(self.repository.git, sha, self.mode.goods) for sha in sorted(first))
        return self._before & first.union(*later)


def _failed(counts: Mapping[str, Count]) -> frozenset[str]:
    """The commits with a failure."""
    return frozenset(sha for sha, count in counts.items() if count.failed)


def _sum(counts: Iterable[Count]) -> Count:
    return sum(counts, NO_RUNS)
