"""A search problem, its flaky test, and the outcome of a tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Noise:
    """How often the test fails at a bad commit and at a good one."""

    p_fail_bad: float = 1.0
    p_fail_good: float = 0.0

    def __str__(self) -> str:
        return f"{self.p_fail_bad:g}, {self.p_fail_good:g}"


@dataclass(frozen=True)
class Problem:
    """A linear range: commit 0 is the good end, commit `candidates` the bad one, `culprit` the first bad."""

    candidates: int
    culprit: int
    noise: Noise
    seed: int


Run = tuple[int, bool]
"""The commit the test was run at, and whether it failed."""


@dataclass(frozen=True)
class Outcome:
    """The commit a tool named, None where it gave up, and every run of the test in its order."""

    named: int | None
    runs: tuple[Run, ...]


@dataclass
class FlakyTest:
    """A test of one problem. Its n-th run draws the n-th number of the problem's seed, for every tool.

    Attributes:
        problem: What the test is about.
        earlier: How many runs were done before this process began.
        runs: Those of this process.
    """

    problem: Problem
    earlier: int = 0
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._draws = Random(self.problem.seed)  # noqa: S311 (repeatable noise, no secret)
        for _ in range(self.earlier):
            self._draws.random()

    def fails(self, commit: int) -> bool:
        """Run the test at a commit."""
        noise = self.problem.noise
        chance = noise.p_fail_bad if commit >= self.problem.culprit else noise.p_fail_good
        failed = self._draws.random() < chance
        self.runs.append((commit, failed))
        return failed

    def outcome(self, named: int | None) -> Outcome:
        """The outcome when the search is over."""
        return Outcome(named, tuple(self.runs))


@dataclass(frozen=True)
class Figures:
    """Over many problems: how often a tool named the culprit, and how many runs it took on average."""

    accuracy: float
    runs: float

    def __str__(self) -> str:
        return f"{self.runs:.1f} ({self.accuracy:.2f})"


def problems(candidates: int, noise: Noise, runs: int, seed: int) -> list[Problem]:
    """As many problems as asked for, with culprits drawn uniformly."""
    draw = Random(seed)  # noqa: S311 (repeatable, no secret)
    return [
        Problem(candidates, draw.randint(1, candidates), noise, draw.getrandbits(64)) for _ in range(runs)
    ]


def figures(asked: Sequence[Problem], outcomes: Sequence[Outcome]) -> Figures:
    """Compare the named commits with the truth."""
    right = sum(outcome.named == problem.culprit for problem, outcome in zip(asked, outcomes, strict=True))
    return Figures(right / len(asked), sum(len(outcome.runs) for outcome in outcomes) / len(asked))
