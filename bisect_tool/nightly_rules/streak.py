"""Streaks: consecutive commits at which a cell only failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.history import BEFORE, Span
from bisect_tool.nightly_rules.timeline import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.nightly_rules.timeline import CommitTrials, Timeline


@dataclass(frozen=True)
class Streak:
    """Consecutive commits at which a cell only failed.

    Attributes:
        before: the conclusive commits before the streak, oldest first; the cell passed at the last one.
        red: the commits of the streak, oldest first; never empty.
    """

    before: tuple[CommitTrials, ...]
    red: tuple[CommitTrials, ...]

    @property
    def good(self) -> CommitTrials | None:
        """The last commit at which the cell passed."""
        return self.before[-1] if self.before else None

    @property
    def first(self) -> CommitTrials:
        """The first commit that failed with the streak's exception; other failures have other causes."""
        return next(commit for commit in self.red if commit.failed_with(self.exception))

    @cached_property
    def failures(self) -> tuple[Observation, ...]:
        """All failures of the streak."""
        return tuple(trial for commit in self.red for trial in commit.failed)

    @property
    def began(self) -> datetime:
        """When the streak's first failure ended."""
        return min(map(time_of, self.failures))

    @property
    def span(self) -> Span:
        """The range that contains the culprit."""
        return Span(self.good.position if self.good else BEFORE, self.first.position)

    @property
    def extent(self) -> Span:
        """All commits after the last pass: a later failure may have a different culprit."""
        return Span(self.span.good, self.red[-1].position)

    @cached_property
    def exception(self) -> str:
        """The most frequent exception; empty if none is known."""
        known = Counter(trial.exception for trial in self.failures if trial.exception)
        return min(known, key=lambda name: (-known[name], name), default="")

    def commits_with(self, exception: str) -> int:
        """Count the commits that failed with an exception."""
        return sum(any(trial.exception == exception for trial in commit.failed) for commit in self.red)

    @property
    def newest_exception(self) -> str:
        """The most frequent exception at the newest commit; empty if none is known."""
        return Streak((), self.red[-1:]).exception


def red_streak(commits: tuple[CommitTrials, ...]) -> Streak | None:
    """Return the streak at the end of conclusive commits; None if the last one passed."""
    start = len(commits)
    while start and not commits[start - 1].passed:
        start -= 1
    return Streak(commits[:start], commits[start:]) if start < len(commits) else None


def red_streaks(commits: tuple[CommitTrials, ...]) -> Iterator[Streak]:
    """Yield all streaks, newest first."""
    while commits:
        streak = red_streak(commits)
        if streak is not None:
            yield streak
        commits = streak.before if streak is not None else commits[:-1]


def newest_streak(timeline: Timeline) -> Streak | None:
    """Return the current streak; None if the cell passed at its newest conclusive commit."""
    return red_streak(timeline.conclusive)


def ended_streak(timeline: Timeline) -> Streak | None:
    """Return the streak directly before the commits at which the cell now passes."""
    commits = timeline.conclusive
    end = len(commits)
    while end and not commits[end - 1].failed:
        end -= 1
    return red_streak(commits[:end]) if end < len(commits) else None
