"""Runs of a cell from CI or earlier nights: evidence of its failure rates, but no confirmation."""

from __future__ import annotations

from dataclasses import dataclass, field

from bisect_tool.search.counted_runs import NO_RUNS, Count


@dataclass(frozen=True)
class EarlierRuns:
    """Runs observed elsewhere, by commit.

    Attributes:
        at: Runs at commits of the range and at its ends, as (sha, count).
        before: Runs at ancestors of the ends outside, which descend from no commit of the range.
        after: Runs at descendants of the end inside, which descend from every commit of the range.
        commits: The number of their commits.
    """

    at: tuple[tuple[str, Count], ...] = ()
    before: Count = NO_RUNS
    after: Count = NO_RUNS
    commits: int = field(default=0, compare=False)

    @property
    def total(self) -> int:
        """All runs."""
        return self.before.total + self.after.total + sum(count.total for _, count in self.at)


NO_EARLIER_RUNS = EarlierRuns()
