"""The observations of one cell, by commit, in the order of the history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE, State
from bisect_tool.nightly_rules.decision import KnownTrials, Rate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bisect_tool.ci_results.observation import CellKey, Observation

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)
"""Represents an unknown time."""


def time_of(trial: Observation) -> datetime:
    """Return when a trial ended, or else began; `UNKNOWN_TIME` if neither is known."""
    return trial.finished or trial.started or UNKNOWN_TIME


@dataclass(frozen=True)
class CommitTrials:
    """The trials of a cell at one commit, and the commit's position in the history."""

    position: int
    commit: str
    trials: tuple[Observation, ...]

    def failed_with(self, exception: str | None) -> tuple[Observation, ...]:
        """Return the trials that failed with this exception or an unknown one; None means with any."""
        return tuple(
            trial for trial in self.failed if exception is None or trial.exception in ("", exception)
        )

    def of(self, state: State) -> tuple[Observation, ...]:
        """Return the trials with this state."""
        return tuple(trial for trial in self.trials if trial.state is state)

    @cached_property
    def passed(self) -> tuple[Observation, ...]:
        """The trials that passed."""
        return self.of(State.PASSED)

    @cached_property
    def failed(self) -> tuple[Observation, ...]:
        """The trials that failed."""
        return self.of(State.FAILED)

    @property
    def is_conclusive(self) -> bool:
        """Whether a trial passed or failed."""
        return bool(self.passed or self.failed)

    def attempts_since(self, moment: datetime) -> int:
        """Count the trials since a moment, including running ones and those of unknown time."""
        ran = (trial for trial in self.trials if trial.state is not State.MISSING)
        return sum(time_of(trial) == UNKNOWN_TIME or time_of(trial) >= moment for trial in ran)

    @property
    def is_missing(self) -> bool:
        """Whether nothing ran."""
        return all(trial.state is State.MISSING for trial in self.trials)

    @property
    def is_mixed(self) -> bool:
        """Whether trials both passed and failed."""
        return bool(self.passed and self.failed)


@dataclass(frozen=True)
class Timeline:
    """All trials of a cell, oldest commit first."""

    key: CellKey
    commits: tuple[CommitTrials, ...]

    @cached_property
    def conclusive(self) -> tuple[CommitTrials, ...]:
        """The commits at which a trial passed or failed."""
        return tuple(commit for commit in self.commits if commit.is_conclusive)

    @property
    def newest(self) -> CommitTrials | None:
        """The newest commit at which something ran or is running."""
        return next((each for each in reversed(self.commits) if not each.is_missing), None)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The agents that ran this cell."""
        return frozenset(trial.host for commit in self.conclusive for trial in commit.trials if trial.host)

    def known_trials(self, exception: str | None = None) -> tuple[KnownTrials, ...]:
        """Return how many runs passed, or failed with an exception, at each commit; None means with any."""
        found = (
            KnownTrials(self.key, at.commit, len(at.passed), len(at.failed_with(exception)))
            for at in self.conclusive
        )
        return tuple(each for each in found if each.passed or each.failed)

    def without_failures(self, exceptions: Collection[str]) -> Timeline:
        """Return the timeline with failures with these exceptions as passes."""
        commits = (replace(at, trials=_without_failures(at.trials, exceptions)) for at in self.commits)
        return replace(self, commits=tuple(commits))

    def at(self, commit: str) -> CommitTrials | None:
        """Return the trials at a commit."""
        return next((each for each in self.commits if each.commit == commit), None)


def _without_failures(trials: Iterable[Observation], exceptions: Collection[str]) -> tuple[Observation, ...]:
    return tuple(
        replace(trial, state=State.PASSED)
        if trial.state is State.FAILED and trial.exception in exceptions
        else trial
        for trial in trials
    )


def rate(commits: Iterable[CommitTrials]) -> Rate:
    """Return the failure rate over some commits."""
    commits = tuple(commits)
    failed = sum(len(commit.failed) for commit in commits)
    return Rate(failed, failed + sum(len(commit.passed) for commit in commits))


def timelines(trials: Iterable[Observation], positions: Mapping[str, int]) -> dict[CellKey, Timeline]:
    """Return the timeline of each cell; trials at commits outside the history are left out."""
    found: defaultdict[CellKey, defaultdict[str, list[Observation]]]
    found = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        if trial.commit in positions:
            found[trial.key][trial.commit].append(trial)
    return {key: Timeline(key, _in_order(found[key], positions)) for key in sorted(found)}


def _in_order(
    at: Mapping[str, Sequence[Observation]], positions: Mapping[str, int]
) -> tuple[CommitTrials, ...]:
    commits = sorted(at, key=positions.__getitem__)
    return tuple(
        CommitTrials(positions[commit], commit, tuple(sorted(at[commit], key=_order))) for commit in commits
    )


def distinct(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """Return each attempt once: the most complete of its observations, in whatever order they come."""
    newest: dict[tuple[object, ...], Observation] = {}
    for each in observations:
        identity = (each.key, each.commit, each.build, each.attempt)
        other = newest.get(identity)
        if other is None or _completeness(each) > _completeness(other):
            newest[identity] = each
    return tuple(newest.values())


def _order(trial: Observation) -> tuple[object, ...]:
    return time_of(trial), trial.build, trial.attempt


def _completeness(trial: Observation) -> tuple[object, ...]:
    return (
        trial.state in CONCLUSIVE,
        trial.state is not State.PENDING,
        time_of(trial),
        trial.state,
        trial.exception,
        trial.host,
        trial.started or UNKNOWN_TIME,
        trial.log,
    )
