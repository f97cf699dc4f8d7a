"""Expected wall time, trial hours and GPU-hours of a search, from durations of past trials. Pure.

Trial hours are the wall times of all trials added up; GPU-hours are the same, with each trial multiplied by
the GPUs that it holds. How many trials a search takes, and how many at a time, comes from simulated searches.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SAMPLES = 1000
"""How many times at least a cost is drawn: each search several times, with other durations."""


@dataclass(frozen=True)
class PastTrial:
    """How long a trial took: its tests, and its build (None: there was none); and the GPUs that it held."""

    test_s: float
    build_s: float | None = None
    gpus: int = 0


@dataclass(frozen=True)
class Schedule:
    """The trials of a search: how many are started in each round, and at how many different commits."""

    sizes: tuple[int, ...]
    commits: int = 0

    @property
    def trials(self) -> int:
        """All of them."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Interval:
    """The mean of a quantity, and an interval from its 10th to its 90th percentile.

    The interval is extended to contain the mean, which a few large values can move out of it.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Interval:
        """Of at least one value."""
        mean = float(np.mean(values))
        low, high = (float(each) for each in np.percentile(values, (10, 90)))
        return cls(mean, min(low, mean), max(high, mean))


@dataclass(frozen=True)
class ExpectedCost:
    """Seconds from the first trial to the end of the last, of all trials, and of all GPUs that they hold."""

    wall_seconds: Interval
    trial_seconds: Interval
    gpu_seconds: Interval


def expected_cost(
    searches: Sequence[Schedule], past: Sequence[PastTrial], slots: int = 1, missing: int = 0
) -> ExpectedCost | None:
    """Estimate the cost of a search with so many slots; None if there are no past trials, or no searches.

    `missing` is how many environments of the range are not built yet. Each new commit is expected to build
    one of them, until all are built. Without a past build, builds are not included. A round ends with its
    longest trial, so that the wall time is an upper estimate for sessions, which fill each free slot at once.
    """
    if not past or not searches:
        return None
    chance = np.random.default_rng(0)
    draws = ceil(_SAMPLES / len(searches))
    drawn = [_draw(search, past, missing, draws, chance) for search in searches]
    seconds = [each.seconds for each in drawn]
    walls = [_wall_s(search.sizes, each, slots) for search, each in zip(searches, seconds, strict=True)]
    return ExpectedCost(
        Interval.of(np.concatenate(walls)),
        Interval.of(np.concatenate([each.sum(axis=1) for each in seconds])),
        Interval.of(np.concatenate([each.gpu_s for each in drawn])),
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Seconds of a search's trials, one row for each time it is drawn, and GPU seconds of each row."""

    seconds: Floats
    gpu_s: Floats


def _draw(
    search: Schedule, past: Sequence[PastTrial], missing: int, draws: int, chance: np.random.Generator
) -> _Drawn:
    """Draw the trials of a search from past ones; the first at new commits build what is missing."""
    builds = [trial.build_s for trial in past if trial.build_s is not None]
    built = min(missing, search.commits, search.trials) if builds else 0
    chosen = chance.integers(len(past), size=(draws, search.trials))
    seconds: Floats = np.array([trial.test_s for trial in past])[chosen]
    if built:
        seconds[:, :built] += np.array(builds)[chance.integers(len(builds), size=(draws, built))]
    held = np.array([trial.gpus for trial in past])[chosen]
    return _Drawn(seconds, (seconds * held).sum(axis=1))


def _wall_s(sizes: Sequence[int], seconds: Floats, slots: int) -> Floats:
    """How long the rounds take one after the other, for each row."""
    rounds = np.split(seconds, np.cumsum(sizes)[:-1], axis=1)
    wall: Floats = sum((_round_s(each, slots) for each in rounds), np.zeros(len(seconds)))
    return wall


def _round_s(seconds: Floats, slots: int) -> Floats:
    """How long trials take if each starts in the slot that is free first."""
    ends = np.zeros((len(seconds), min(slots, seconds.shape[1])))
    rows = np.arange(len(seconds))
    for trial in seconds.T:
        ends[rows, ends.argmin(axis=1)] += trial
    last: Floats = ends.max(axis=1)
    return last
