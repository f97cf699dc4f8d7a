"""Estimate the seconds a trial takes: checkout, build (if any) and the tests of its cells."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bisect_tool.planner.types import Goal
    from bisect_tool.search import Dag
    from bisect_tool.search.rates import Floats
    from bisect_tool.trial.result import TrialResult

_CHECKOUT_S = 0.1
_BETWEEN_S = 0.01
"""Seconds of `git checkout` in a large history: a minimum, and a part proportional to the square root of the
number of commits between, which mostly change the same files."""

_BUILD_TO_TEST = 5.0
"""The assumed ratio of build to test time, until a build was measured."""

_DOWNLOAD_TO_TEST = 0.5
"""The same for a build that only downloads a published wheel and its dependencies."""


@dataclass(frozen=True, eq=False)
class Cost:
    """Expected durations of trials, in seconds.

    Attributes:
        dag: The commits of the range.
        here: The commit checked out now; if None or outside the range, all commits count as equally far.
        cell_s: Mean duration of each cell's tests.
        trial_s: Mean duration of a trial besides its build and cells.
        build_s: Mean duration of a build, or an estimate before the first one.
        download_s: The same of a build that uses a published wheel.
        environments: The environment of each commit that needs a build, by sha.
        cached: The environments that are built already.
        downloads: The commits whose build uses a published wheel.
    """

    dag: Dag
    here: str | None
    cell_s: Mapping[str, float]
    trial_s: float
    build_s: float
    download_s: float
    environments: Mapping[str, str]
    cached: frozenset[str]
    downloads: frozenset[str]

    @classmethod
    def of(cls, goal: Goal, trials: Sequence[TrialResult]) -> Cost:
        """Estimate durations from the trials so far, the latest last; their environments count as built."""
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        for trial in trials:
            for cell in trial.cells:
                seconds[cell.cell].append(cell.seconds)
        tests = [trial.seconds - trial.build_seconds for trial in trials]
        beside = [
            max(0.0, lasted - sum(cell.seconds for cell in trial.cells))
            for lasted, trial in zip(tests, trials, strict=True)
        ]
        built = [trial for trial in trials if not trial.environment_reused]
        builds = [trial.build_seconds for trial in built if trial.sha not in goal.downloads]
        downloads = [trial.build_seconds for trial in built if trial.sha in goal.downloads]
        test_s = fmean(tests) if tests else 1.0
        used = {trial.environment for trial in trials if trial.environment}
        return cls(
            goal.dag,
            trials[-1].sha if trials else None,
            {cell: fmean(each) for cell, each in seconds.items()},
            fmean(beside) if beside else 0.0,
            fmean(builds) if builds else _BUILD_TO_TEST * test_s,
            fmean(downloads) if downloads else _DOWNLOAD_TO_TEST * test_s,
            goal.environments,
            goal.cached | used,
            goal.downloads,
        )

    def at(self, sha: str, cells: Collection[str]) -> float:
        """Expected seconds of a trial of these cells at a commit."""
        tests = self.trial_s + sum(self.cell_s.get(cell, 0.0) for cell in cells)
        environment = self.environments.get(sha)
        there = environment is None or environment in self.cached
        build_s = self.download_s if sha in self.downloads else self.build_s
        between = self._between[self.dag.index[sha]] if sha in self.dag.index else 0.0
        return _CHECKOUT_S + _BETWEEN_S * sqrt(between) + tests + (0.0 if there else build_s)

    @cached_property
    def _between(self) -> Floats:
        """For each commit, how many are ancestors of it or of the checked-out one, but not of both."""
        count = len(self.dag.candidates)
        place = self.dag.index.get(self.here or "")
        if place is None:
            return np.zeros(count)
        ancestors = np.zeros(count)
        ancestors[self.dag.ancestry.ancestors_of(place)] = 1.0
        sizes = self.dag.ancestry.sums_over_ancestors(np.ones(count))
        between: Floats = sizes + sizes[place] - 2 * self.dag.ancestry.sums_over_ancestors(ancestors)
        return between
