"""Recognise outages that are over: periods in which cells failed at any commit.

Storage, a service or the agents were down: a commit that had passed failed repeatedly in several cells,
without a pass of these cells in between, and they have passed since. With several jobs, `incidents` detects
it earlier.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE, State
from bisect_tool.nightly_rules.timeline import UNKNOWN_TIME, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.ci_results.observation import CellKey, Observation

_REPEATED = 2
"""How often a commit that had passed must fail in the period."""
_COMMITS = 2
"""Commits that must fail in the period."""
_CELLS = 3
"""Cells that must have such a period at the same commit."""


@dataclass(frozen=True)
class _FailurePeriod:
    """Consecutive failures of a cell, and one of their commits that had passed before."""

    failures: tuple[Observation, ...]
    commit: str


def without_outages(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """Return the trials; failures of an outage become infrastructure failures."""
    trials = tuple(trials)
    cells: defaultdict[CellKey, list[Observation]] = defaultdict(list)
    for trial in trials:
        if trial.state in CONCLUSIVE and time_of(trial) != UNKNOWN_TIME:
            cells[trial.key].append(trial)
    periods: defaultdict[tuple[str, str], list[_FailurePeriod]] = defaultdict(list)
    for key, cell_trials in cells.items():
        for period in _failure_periods(sorted(cell_trials, key=time_of)):
            periods[key.series, period.commit].append(period)
    outages = (each for each in periods.values() if len(each) >= _CELLS)
    outage_failures = {failure for outage in outages for period in outage for failure in period.failures}
    if not outage_failures:
        return trials
    return tuple(
        replace(trial, state=State.INFRASTRUCTURE) if trial in outage_failures else trial for trial in trials
    )


def _failure_periods(trials: Sequence[Observation]) -> Iterator[_FailurePeriod]:
    """Yield the failure periods of one cell that may belong to an outage."""
    passed: set[str] = set()
    failures: list[Observation] = []
    for trial in trials:
        if trial.state is State.FAILED:
            failures.append(trial)
            continue
        commits = Counter(failure.commit for failure in failures)
        repeated = [commit for commit, number in commits.items() if number >= _REPEATED and commit in passed]
        if repeated and len(commits) >= _COMMITS:
            yield _FailurePeriod(tuple(failures), repeated[0])
        failures = []
        passed.add(trial.commit)
