"""Estimate wall time, trial hours and GPU-hours of a search from durations of past trials. Pure.

Trial hours are the sum of the trials' wall times; for GPU-hours, each is multiplied by the number of GPUs
that the trial holds. The number of trials, and how many run in parallel, come from simulated searches.
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
"""The minimum number of samples; each simulated search is sampled several times, with other durations."""


@dataclass(frozen=True)
class PastTrial:
    """The seconds that a past trial took for its tests and its build (None: no build), and its GPUs."""

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
        """The number of all trials."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Interval:
    """The mean of a quantity, and the interval from its 10th to its 90th percentile.

    The interval is extended to contain the mean, which a few large values can push out of it.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Interval:
        """The interval of at least one value."""
        mean = float(np.mean(values))
        low, high = (float(each) for each in np.percentile(values, (10, 90)))
        return cls(mean, min(low, mean), max(high, mean))


@dataclass(frozen=True)
class ExpectedCost:
    """Wall time of the search, total time of its trials, and total GPU time, each in seconds."""

    wall_seconds: Interval
    trial_seconds: Interval
    gpu_seconds: Interval


def expected_cost(
    searches: Sequence[Schedule], past: Sequence[PastTrial], slots: int = 1, missing: int = 0
) -> ExpectedCost | None:
    """Estimate the cost of a search with `slots` slots; None without past trials or searches.

    `missing` is how many environments of the range are not built yet. Each new commit is expected to build
    one of them, until all are built. Without a past build, builds are not included. A round ends with its
    longest trial, so the wall time is an upper estimate for sessions, which refill each free slot at once.
    """
    if not past or not searches:
        return None
    rng = np.random.default_rng(0)
    repetitions = ceil(_SAMPLES / len(searches))
    samples = [_sample(search, past, missing, repetitions, rng) for search in searches]
    seconds = [each.seconds for each in samples]
    walls = [_wall_s(search.sizes, each, slots) for search, each in zip(searches, seconds, strict=True)]
    return ExpectedCost(
        Interval.of(np.concatenate(walls)),
        Interval.of(np.concatenate([each.sum(axis=1) for each in seconds])),
        Interval.of(np.concatenate([each.gpu_s for each in samples])),
    )


@dataclass(frozen=True, eq=False)
class _Sample:
    """Sampled durations of a search.

    `seconds` has the shape (repetitions, trials), and `gpu_s` is the GPU time of each repetition.
    """

    seconds: Floats
    gpu_s: Floats


def _sample(
    search: Schedule, past: Sequence[PastTrial], missing: int, repetitions: int, rng: np.random.Generator
) -> _Sample:
    """Sample durations from past trials; the first trials at new commits build the missing environments."""
    builds = [trial.build_s for trial in past if trial.build_s is not None]
    built = min(missing, search.commits, search.trials) if builds else 0
    chosen = rng.integers(len(past), size=(repetitions, search.trials))
    seconds: Floats = np.array([trial.test_s for trial in past])[chosen]
    if built:
        seconds[:, :built] += np.array(builds)[rng.integers(len(builds), size=(repetitions, built))]
    gpus = np.array([trial.gpus for trial in past])[chosen]
    return _Sample(seconds, (seconds * gpus).sum(axis=1))


def _wall_s(sizes: Sequence[int], seconds: Floats, slots: int) -> Floats:
    """The total seconds of all rounds, one after another, for each row."""
    rounds = np.split(seconds, np.cumsum(sizes)[:-1], axis=1)
    wall: Floats = sum((_round_s(each, slots) for each in rounds), np.zeros(len(seconds)))
    return wall


def _round_s(seconds: Floats, slots: int) -> Floats:
    """The seconds of one round, for each row; each trial starts in the slot that is free first."""
    ends = np.zeros((len(seconds), min(slots, seconds.shape[1])))
    rows = np.arange(len(seconds))
    for trial in seconds.T:
        ends[rows, ends.argmin(axis=1)] += trial
    last: Floats = ends.max(axis=1)
    return last
