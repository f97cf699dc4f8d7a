"""Simulate searches with a known culprit and noisy runs, to measure accuracy, cost and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.expected_cost import PastTrial, Schedule, expected_cost
from bisect_tool.search.bisection import Bisection
from bisect_tool.search.conclusion import Culprit
from bisect_tool.search.dag import Dag
from bisect_tool.search.earlier_runs import NO_EARLIER_RUNS
from bisect_tool.search.inference import Inference
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.expected_cost import ExpectedCost
    from bisect_tool.search.earlier_runs import EarlierRuns
    from bisect_tool.search.relands import Landing

_BINS = 10


@dataclass(frozen=True)
class Noise:
    """How often a run fails at bad and at good commits."""

    fail_bad: float
    fail_good: float

    @property
    def capacity(self) -> float:
        """The channel capacity in bits per run, at the best share of bad commits (Shannon 1948)."""
        share = np.linspace(0.0, 1.0, 10_001)[1:-1]
        fails = share * self.fail_bad + (1 - share) * self.fail_good
        known = share * _entropy(self.fail_bad) + (1 - share) * _entropy(self.fail_good)
        return float((_entropies(fails) - known).max())

    def bound(self, candidates: int, confidence: float) -> float:
        """The lower bound on runs: the bits of the answer and of its confidence, divided by the capacity.

        Without noise the answer is certain, and only the bits of the answer count.
        """
        certainty = 0.0 if (self.fail_bad, self.fail_good) == (1.0, 0.0) else -log2(1 - confidence)
        return (log2(candidates) + certainty) / max(self.capacity, 1e-12)


@dataclass(frozen=True, eq=False)
class KnownRange:
    """A range with a known culprit.

    `weights` are the prior weights of its commits, `landings` tell which changes were reverted or applied
    again, and `earlier` are the runs before the search.
    """

    dag: Dag
    good: str
    bad: str
    culprit: str
    weights: Mapping[str, float] | None = None
    landings: Mapping[str, Landing] | None = None
    earlier: EarlierRuns = NO_EARLIER_RUNS


@dataclass(frozen=True)
class SearchSettings:
    """The settings of the search, as in `bisect-run run`."""

    confidence: float = 0.95
    slots: int = 1
    endpoint_runs: int = 20


@dataclass(frozen=True)
class SearchOutcome:
    """The result of one search: the commit it named, its confidence, and its cost.

    `schedule` has all trials. Midpoint trials are those inside the range that were started while several
    commits, or none, explained all runs so far. A round starts up to one of them per slot. Runs of the ends,
    and those that confirm, are only in `schedule`.
    """

    named: str | None
    right: bool
    confidence: float
    schedule: Schedule
    midpoint_trials: int
    rounds: int

    @property
    def trials(self) -> int:
        """The number of all trials."""
        return self.schedule.trials


@dataclass(frozen=True)
class Spread:
    """The mean, the median and the 95th percentile of a count."""

    mean: float
    p50: float
    p95: float

    @classmethod
    def of(cls, counts: Sequence[int]) -> Spread:
        """The spread of at least one count."""
        middle, high = np.percentile(counts, (50, 95))
        return cls(float(np.mean(counts)), float(middle), float(high))


@dataclass(frozen=True)
class Bin:
    """Searches with a confidence in one tenth: their count, mean confidence, and share that was right."""

    low: float
    high: float
    count: int
    claimed: float
    right: float


@dataclass(frozen=True)
class Summary:
    """Summary of many searches.

    `bound` is the mean lower bound on runs, `reached` its ratio to the mean number of trials. `cost` is for
    trials of a given duration.
    """

    accuracy: float
    wrong_rate: float
    trials: Spread
    midpoint_trials: Spread
    rounds: Spread
    calibration: tuple[Bin, ...]
    bound: float
    reached: float
    cost: ExpectedCost


def merge_into_parts(
    dag: Dag, weights: Mapping[str, float], good: str, parts: int
) -> tuple[Dag, dict[str, float]]:
    """Merge a range into a linear history of `parts` parts, each with the mean weight of its commits.

    Simulating a long range itself takes longer, and gives about the same result.
    """
    pieces = np.array_split(np.array([weights.get(sha, 1.0) for sha in dag.candidates]), parts)
    names = [f"part {number}" for number in range(parts)]
    line = Dag(dict(zip(names, ((parent,) for parent in (good, *names)), strict=False)))
    return line, {name: float(piece.mean()) for name, piece in zip(names, pieces, strict=True)}


def simulate_search(
    case: KnownRange, noise: Noise, settings: SearchSettings, rng: np.random.Generator
) -> SearchOutcome:
    """Simulate one search to its end."""
    bad_commits = case.dag.descendants(case.dag.index[case.culprit])
    search = Bisection(
        Inference(
            case.dag,
            case.bad,
            (case.good,),
            case.weights,
            settings.confidence,
            landings=case.landings,
            earlier=case.earlier,
        )
    )
    midpoint_trials = rounds = 0
    sizes: list[int] = []
    tested: set[str] = set()

    def run(sha: str) -> tuple[str, Verdict]:
        tested.add(sha)
        is_bad = case.dag.index.get(sha, -1) in bad_commits
        fails = rng.random() < (noise.fail_bad if is_bad else noise.fail_good)
        return sha, Verdict.BAD if fails else Verdict.GOOD

    while not search.known.reproduced:
        if len(sizes) == settings.endpoint_runs:
            schedule = Schedule(tuple(sizes), len(tested))
            return SearchOutcome(
                None, right=False, confidence=0.0, schedule=schedule, midpoint_trials=0, rounds=0
            )
        search = search.observe(run(case.bad))
        sizes.append(1)
    while (conclusion := search.conclude()) is None:
        planned = search.plan(settings.slots)
        sizes.append(len(planned))
        if search.known.narrowing and (
            midpoints := [sha for sha in planned if sha not in (case.good, case.bad)]
        ):
            midpoint_trials += len(midpoints)
            rounds += 1
        search = search.observe(*map(run, planned))
    named = conclusion.sha if isinstance(conclusion, Culprit) else None
    confidence = conclusion.confidence if isinstance(conclusion, Culprit) else 0.0
    schedule = Schedule(tuple(sizes), len(tested))
    return SearchOutcome(named, named == case.culprit, confidence, schedule, midpoint_trials, rounds)


def summarise(outcomes: Sequence[SearchOutcome], bound: float, trial: PastTrial, slots: int) -> Summary:
    """Summarise at least one search; `bound` is the mean lower bound, and each trial costs as `trial`."""
    trials = Spread.of([each.trials for each in outcomes])
    cost = expected_cost([each.schedule for each in outcomes], (trial,), slots)
    assert cost is not None
    return Summary(
        accuracy=float(np.mean([each.right for each in outcomes])),
        wrong_rate=float(np.mean([each.named is not None and not each.right for each in outcomes])),
        trials=trials,
        midpoint_trials=Spread.of([each.midpoint_trials for each in outcomes]),
        rounds=Spread.of([each.rounds for each in outcomes]),
        calibration=tuple(_bin(tenth, outcomes) for tenth in range(_BINS)),
        bound=bound,
        reached=bound / trials.mean,
        cost=cost,
    )


def _bin(tenth: int, outcomes: Sequence[SearchOutcome]) -> Bin:
    inside = [
        each
        for each in outcomes
        if each.named is not None and min(int(each.confidence * _BINS), _BINS - 1) == tenth
    ]
    claimed = float(np.mean([each.confidence for each in inside])) if inside else 0.0
    right = float(np.mean([each.right for each in inside])) if inside else 0.0
    return Bin(tenth / _BINS, (tenth + 1) / _BINS, len(inside), claimed, right)


def _entropy(probability: float) -> float:
    return float(_entropies(np.array([probability]))[0])


def _entropies(
    probability: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    yes, no = np.clip(probability, 1e-300, 1), np.clip(1 - probability, 1e-300, 1)
    entropy: np.ndarray[tuple[int], np.dtype[np.float64]] = -(yes * np.log2(yes) + no * np.log2(no))
    return entropy
