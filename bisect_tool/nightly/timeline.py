"""The observations of one cell in the order of the history: what ran at which commit, oldest first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.nightly.decision import KnownTrials, Rate
from bisect_tool.sources.observation import CONCLUSIVE, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bisect_tool.sources.observation import CellKey, Observation

UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""Stands for a time that is not known."""


def when(trial: Observation) -> datetime:
    """When a trial ended, or began; the beginning of time if neither is known."""
    return trial.finished or trial.started or UNKNOWN


@dataclass(frozen=True)
class CommitTrials:
    """The trials of a cell at one commit, and the commit's position in the history."""

    position: int
    commit: str
    trials: tuple[Observation, ...]

    def failed_with(self, exception: str | None) -> tuple[Observation, ...]:
        """The trials that failed with this exception, or with one that is not known; None: with any."""
        return tuple(
            trial for trial in self.failed if exception is None or trial.exception in ("", exception)
        )

    def of(self, state: State) -> tuple[Observation, ...]:
        """The trials with this state."""
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
        """How many trials ran or run since then, or at a time that is not known."""
        ran = (trial for trial in self.trials if trial.state is not State.MISSING)
        return sum(when(trial) == UNKNOWN or when(trial) >= moment for trial in ran)

    @property
    def is_missing(self) -> bool:
        """Whether nothing ran."""
        return all(trial.state is State.MISSING for trial in self.trials)

    @property
    def is_mixed(self) -> bool:
        """Whether both outcomes were seen."""
        return bool(self.passed and self.failed)


@dataclass(frozen=True)
class Timeline:
    """All that is known of a cell, oldest commit first."""

    key: CellKey
    commits: tuple[CommitTrials, ...]

    @cached_property
    def conclusive(self) -> tuple[CommitTrials, ...]:
        """The commits at which a trial passed or failed."""
        return tuple(commit for commit in self.commits if commit.is_conclusive)

    @property
    def newest(self) -> CommitTrials | None:
        """The newest commit at which something ran or runs; a commit without it is no news."""
        return next((each for each in reversed(self.commits) if not each.is_missing), None)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The agents that ran this cell."""
        return frozenset(trial.host for commit in self.conclusive for trial in commit.trials if trial.host)

    def known_trials(self, exception: str | None = None) -> tuple[KnownTrials, ...]:
        """The numbers of runs at each commit that passed, or failed with an exception; None: with any."""
        found = (
            KnownTrials(self.key, at.commit, len(at.passed), len(at.failed_with(exception)))
            for at in self.conclusive
        )
        return tuple(each for each in found if each.passed or each.failed)

    def without_failures(self, exceptions: Collection[str]) -> Timeline:
        """The timeline in which failures with these exceptions count as passes."""
        commits = (replace(at, trials=_without_failures(at.trials, exceptions)) for at in self.commits)
        return replace(self, commits=tuple(commits))

    def at(self, commit: str) -> CommitTrials | None:
        """The trials at a commit."""
        return next((each for each in self.commits if each.commit == commit), None)


def _without_failures(trials: Iterable[Observation], exceptions: Collection[str]) -> tuple[Observation, ...]:
    return tuple(
        replace(trial, state=State.PASSED)
        if trial.state is State.FAILED and trial.exception in exceptions
        else trial
        for trial in trials
    )


def rate(commits: Iterable[CommitTrials]) -> Rate:
    """The failure rate over some commits."""
    commits = tuple(commits)
    failed = sum(len(commit.failed) for commit in commits)
    return Rate(failed, failed + sum(len(commit.passed) for commit in commits))


def timelines(trials: Iterable[Observation], positions: Mapping[str, int]) -> dict[CellKey, Timeline]:
    """The timeline of each cell; trials at commits outside the history are left out."""
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
    """Each attempt once: of several readings of it the one that knows most, whatever their order."""
    newest: dict[tuple[object, ...], Observation] = {}
    for each in observations:
        identity = (each.key, each.commit, each.build, each.attempt)
        other = newest.get(identity)
        if other is None or _knowledge(each) > _knowledge(other):
            newest[identity] = each
    return tuple(newest.values())


def _order(trial: Observation) -> tuple[object, ...]:
    return when(trial), trial.build, trial.attempt


def _knowledge(trial: Observation) -> tuple[object, ...]:
    return (
        trial.state in CONCLUSIVE,
        trial.state is not State.PENDING,
        when(trial),
        trial.state,
        trial.exception,
        trial.host,
        trial.started or UNKNOWN,
        trial.log,
    )
