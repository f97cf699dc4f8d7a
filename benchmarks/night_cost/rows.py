"""The rows of the table: right answers, trials, wall time and GPU-hours of a tool by number of slots."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search.peers import git
from benchmarks.search.problem import Noise, Problem
from bisect_tool.expected_cost import Interval, PastTrial, Schedule, expected_cost
from bisect_tool.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.night_cost.windows import Night

TRIAL = PastTrial(600.0, gpus=2)
"""What every trial is assumed to take; all times and GPU-hours are proportional to it."""

NOISES = (Noise(1, 0), Noise(0.95, 0.05))
SLOTS = (1, 2, 4, 8, 16, 32, 64)
JUDGES = {
    "git bisect": "single",
    "git bisect, majority of 3": "majority-of-3",
    "git bisect, any of 5": "any-fail-of-5",
}
OURS = "bisect-run"
SEED = 1
_REPEATS = 5
"""How often a night is searched where runs fail by chance."""


@dataclass(frozen=True)
class Row:
    """Means over all searches of one tool, rounded as the page has them; `wall` and `gpus` are in hours."""

    tool: str
    slots: int
    right: float
    trials: float
    wall: Interval
    gpus: Interval


def ours(nights: Sequence[Night], noise: Noise, slots: int) -> Row:
    """Search every night with bisect-run."""
    chance = np.random.default_rng(SEED)
    rates, settings = (
        simulate.Noise(noise.p_fail_bad, noise.p_fail_good),
        simulate.SearchSettings(slots=slots),
    )
    found = [
        simulate.simulate_search(night.known_range, rates, settings, chance)
        for night in _repeated(nights, noise)
    ]
    return _row(OURS, slots, [each.right for each in found], [each.schedule for each in found])


def peer(nights: Sequence[Night], noise: Noise, tool: str) -> Row:
    """Bisect every night as git does, with one trial at a time."""
    draw = Random(SEED)  # noqa: S311 (repeatable, no secret)
    asked = [
        Problem(night.candidates, night.culprit, noise, draw.getrandbits(64))
        for night in _repeated(nights, noise)
    ]
    found = [git.solve(problem, git.JUDGES[JUDGES[tool]]) for problem in asked]
    right = [each.named == problem.culprit for problem, each in zip(asked, found, strict=True)]
    return _row(tool, 1, right, [Schedule((1,) * len(each.runs)) for each in found])


def rows(nights: Sequence[Night], noise: Noise) -> list[Row]:
    """The rows of all tools."""
    return [
        *(peer(nights, noise, tool) for tool in JUDGES),
        *(ours(nights, noise, slots) for slots in SLOTS),
    ]


def _repeated(nights: Sequence[Night], noise: Noise) -> list[Night]:
    return [*nights] * (1 if noise == Noise(1, 0) else _REPEATS)


def _row(tool: str, slots: int, right: Sequence[bool], schedules: Sequence[Schedule]) -> Row:
    cost = expected_cost(schedules, (TRIAL,), slots)
    assert cost is not None
    trials = float(np.mean([each.trials for each in schedules]))
    return Row(
        tool,
        slots,
        round(float(np.mean(right)), 2),
        round(trials, 1),
        _in_hours(cost.wall_seconds),
        _in_hours(cost.gpu_seconds),
    )


def _in_hours(seconds: Interval) -> Interval:
    return Interval(*(round(each / 3600, 2) for each in (seconds.mean, seconds.low, seconds.high)))
