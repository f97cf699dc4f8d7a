"""What a trial would take: how long the tests do, and how long the build, if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.campaign.goal import Goal
    from bisect_tool.trial.result import TrialResult

_BUILD_TO_TEST = 5.0
"""How much longer a build takes than a run of the tests, as long as none was seen."""


@dataclass(frozen=True)
class Cost:
    """Expected seconds, up to a factor."""

    test_s: float
    build_s: float
    environments: Mapping[str, str]
    cached: frozenset[str]

    @classmethod
    def of(cls, goal: Goal, trials: Sequence[TrialResult]) -> Cost:
        """Learn from the trials that ran; the environments they used are there."""
        tests = [trial.seconds - trial.build_seconds for trial in trials]
        builds = [trial.build_seconds for trial in trials if not trial.environment_reused]
        test_s = max(fmean(tests), 1e-3) if tests else 1.0
        used = {trial.environment for trial in trials if trial.environment}
        build_s = fmean(builds) if builds else _BUILD_TO_TEST * test_s
        return cls(test_s, build_s, goal.environments, goal.cached | used)

    def at(self, sha: str) -> float:
        """What a trial at a commit takes."""
        environment = self.environments.get(sha)
        there = environment is None or environment in self.cached
        return self.test_s + (0.0 if there else self.build_s)
