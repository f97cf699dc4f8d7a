"""Runs of a cell that CI or earlier nights made: evidence of its failure rates that confirms nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from bisect_tool.search.count import NO_RUNS, Count


@dataclass(frozen=True)
class EarlierRuns:
    """Runs of others, by where they were made.

    Attributes:
        at: Runs at commits of the range and at its ends, as (sha, count).
        before: Runs at ancestors of the ends outside, which descend from no commit of the range.
        after: Runs at descendants of the end inside, which descend from every commit of the range.
        commits: At how many commits they were made.
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
