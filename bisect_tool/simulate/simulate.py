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
        """Capacity in bits per run, at the best share of bad commits (Shannon 1948)."""
        share = np.linspace(0.0, 1.0, 10_001)[1:-1]
        fails = share * self.fail_bad + (1 - share) * self.fail_good
        known = share * _entropy(self.fail_bad) + (1 - share) * _entropy(self.fail_good)
        return float((_entropies(fails) - known).max())

    def bound(self, candidates: int, confidence: float) -> float:
        """Lower bound on runs: the bits of the answer and of its certainty, divided by the capacity.

        Without noise the answer is certain, and only its own bits count.
        """
        certainty = 0.0 if (self.fail_bad, self.fail_good) == (1.0, 0.0) else -log2(1 - confidence)
        return (log2(candidates) + certainty) / max(self.capacity, 1e-12)


@dataclass(frozen=True, eq=False)
class KnownRange:
    """A range with a known culprit.

    `weights` are what a prior says of its commits, `landings` those of changes that were reverted, and
    `earlier` the runs that were made before the search.
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
    """How the search is run: as `bisect-run run` would."""

    confidence: float = 0.95
    slots: int = 1
    endpoint_runs: int = 20


@dataclass(frozen=True)
class SearchOutcome:
    """The result of one search: the commit it named, its confidence, and its cost.

    `schedule` has all trials. Midpoint trials are those started while more than one commit explained all runs
    so far, or none did; rounds count when such trials were started, up to one for each slot. Runs of the ends
    and those that confirm are in `schedule` alone.
    """

    named: str | None
    right: bool
    confidence: float
    schedule: Schedule
    midpoint_trials: int
    rounds: int

    @property
    def trials(self) -> int:
        """All trials."""
        return self.schedule.trials


@dataclass(frozen=True)
class Spread:
    """The mean, the median and the 95th percentile of a count."""

    mean: float
    p50: float
    p95: float

    @classmethod
    def of(cls, counts: Sequence[int]) -> Spread:
        """Of at least one count."""
        middle, high = np.percentile(counts, (50, 95))
        return cls(float(np.mean(counts)), float(middle), float(high))


@dataclass(frozen=True)
class Bin:
    """Searches that claimed a confidence in this tenth: how many, what they claimed, how many were right."""

    low: float
    high: float
    count: int
    claimed: float
    right: float


@dataclass(frozen=True)
class Summary:
    """Summary of many searches.

    `bound` is in runs, and `reached` its share of the mean trials. `cost` is for trials of a given length.
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


def in_parts(dag: Dag, weights: Mapping[str, float], good: str, parts: int) -> tuple[Dag, dict[str, float]]:
    """A range as a line of so many parts, each with the mean weight of its commits.

    Simulating the range itself takes longer with its length, and gives about the same result.
    """
    pieces = np.array_split(np.array([weights.get(sha, 1.0) for sha in dag.candidates]), parts)
    names = [f"part {number}" for number in range(parts)]
    line = Dag(dict(zip(names, ((parent,) for parent in (good, *names)), strict=False)))
    return line, {name: float(piece.mean()) for name, piece in zip(names, pieces, strict=True)}


def simulate_search(
    case: KnownRange, noise: Noise, terms: SearchSettings, chance: np.random.Generator
) -> SearchOutcome:
    """Simulate one search to its end."""
    above = case.dag.descendants(case.dag.index[case.culprit])
    search = Bisection(
        Inference(
            case.dag,
            case.bad,
            (case.good,),
            case.weights,
            terms.confidence,
            landings=case.landings,
            earlier=case.earlier,
        )
    )
    midpoints = rounds = 0
    sizes: list[int] = []
    tried: set[str] = set()

    def run(sha: str) -> tuple[str, Verdict]:
        tried.add(sha)
        is_bad = case.dag.index.get(sha, -1) in above
        fails = chance.random() < (noise.fail_bad if is_bad else noise.fail_good)
        return sha, Verdict.BAD if fails else Verdict.GOOD

    while not search.known.reproduced:
        if len(sizes) == terms.endpoint_runs:
            schedule = Schedule(tuple(sizes), len(tried))
            return SearchOutcome(
                None, right=False, confidence=0.0, schedule=schedule, midpoint_trials=0, rounds=0
            )
        search = search.observe(run(case.bad))
        sizes.append(1)
    while (found := search.conclude()) is None:
        due = search.plan(terms.slots)
        sizes.append(len(due))
        if search.known.narrowing and (inside := [sha for sha in due if sha not in (case.good, case.bad)]):
            midpoints += len(inside)
            rounds += 1
        search = search.observe(*map(run, due))
    named = found.sha if isinstance(found, Culprit) else None
    sure = found.confidence if isinstance(found, Culprit) else 0.0
    schedule = Schedule(tuple(sizes), len(tried))
    return SearchOutcome(named, named == case.culprit, sure, schedule, midpoints, rounds)


def summarise(played: Sequence[SearchOutcome], bound: float, trial: PastTrial, slots: int) -> Summary:
    """Sum up at least one search; `bound` is the mean of what was needed, and each trial takes as `trial`."""
    trials = Spread.of([each.trials for each in played])
    cost = expected_cost([each.schedule for each in played], (trial,), slots)
    assert cost is not None
    return Summary(
        accuracy=float(np.mean([each.right for each in played])),
        wrong_rate=float(np.mean([each.named is not None and not each.right for each in played])),
        trials=trials,
        midpoint_trials=Spread.of([each.midpoint_trials for each in played]),
        rounds=Spread.of([each.rounds for each in played]),
        calibration=tuple(_bin(tenth, played) for tenth in range(_BINS)),
        bound=bound,
        reached=bound / trials.mean,
        cost=cost,
    )


def _bin(tenth: int, played: Sequence[SearchOutcome]) -> Bin:
    inside = [
        each
        for each in played
        if each.named is not None and min(int(each.confidence * _BINS), _BINS - 1) == tenth
    ]
    claimed = float(np.mean([each.confidence for each in inside])) if inside else 0.0
    right = float(np.mean([each.right for each in inside])) if inside else 0.0
    return Bin(tenth / _BINS, (tenth + 1) / _BINS, len(inside), claimed, right)


def _entropy(chance: float) -> float:
    return float(_entropies(np.array([chance]))[0])


def _entropies(
    chance: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    yes, no = np.clip(chance, 1e-300, 1), np.clip(1 - chance, 1e-300, 1)
    entropy: np.ndarray[tuple[int], np.dtype[np.float64]] = -(yes * np.log2(yes) + no * np.log2(no))
    return entropy
