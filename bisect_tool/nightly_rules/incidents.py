"""Recognise infrastructure incidents whose failures look like test failures.

If a network or a service is down for some hours, cells of many jobs fail with one exception, and reruns at
the same commits pass. A cell whose reruns also fail at that time is then not a regression.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE, State
from bisect_tool.nightly_rules.timeline import UNKNOWN_TIME, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.ci_results.observation import CellKey, Observation

_WINDOW = timedelta(hours=48)
_CELLS = 3
"""Cells that must pass and fail at one commit."""
_JOBS = 3
"""Jobs to which these cells must belong."""

_CellAtCommit = tuple["CellKey", str]


def without_incidents(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """Return the trials; failures of an incident become infrastructure failures."""
    trials = tuple(trials)
    outcomes: defaultdict[_CellAtCommit, set[State]] = defaultdict(set)
    reruns: Counter[_CellAtCommit] = Counter()
    for trial in trials:
        if trial.state in CONCLUSIVE:
            outcomes[trial.key, trial.commit].add(trial.state)
            reruns[trial.key, trial.commit] += 1
    rerun = {at: outcomes[at] >= CONCLUSIVE for at, number in reruns.items() if number > 1}
    incidents = {one for window in _windows(trials) if _is_incident(window, rerun) for one in window}
    if not incidents:
        return trials
    return tuple(
        replace(trial, state=State.INFRASTRUCTURE) if trial in incidents else trial for trial in trials
    )


def _windows(trials: Iterable[Observation]) -> Iterator[Sequence[Observation]]:
    """Yield failures with one exception, in windows of two days."""
    by_exception: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    for trial in trials:
        if trial.state is State.FAILED and trial.exception and time_of(trial) != UNKNOWN_TIME:
            by_exception[trial.key.series, trial.exception].append(trial)
    for failures in by_exception.values():
        window: list[Observation] = []
        for trial in sorted(failures, key=time_of):
            if window and time_of(trial) - time_of(window[0]) > _WINDOW:
                yield window
                window = []
            window.append(trial)
        yield window


def _is_incident(window: Sequence[Observation], rerun: Mapping[_CellAtCommit, bool]) -> bool:
    """Whether at least half of the rerun cells, of several jobs, also passed at the same commit.

    Cells that do so at other times too are flaky, and do not count.

    Args:
        window: the failures of a window.
        rerun: cell and commit with several runs -> whether both outcomes were seen.
    """
    in_window = {(trial.key, trial.commit) for trial in window}
    flaky = {at[0] for at, disagree in rerun.items() if disagree and at not in in_window}
    cells = {at[0] for at in in_window if at in rerun} - flaky
    mixed = cells & {at[0] for at in in_window if rerun.get(at, False)}
    jobs = {key.job for key in mixed}
    return len(mixed) >= _CELLS and len(jobs) >= _JOBS and 2 * len(mixed) >= len(cells)
