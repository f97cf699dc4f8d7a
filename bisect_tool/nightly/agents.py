"""Agents that fail what others pass: of a whole build, and of one cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.nightly.timeline import when
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bisect_tool.nightly.timeline import Timeline
    from bisect_tool.sources.observation import Observation

_FAILURES = 4
_JOBS = 2
_SEVERAL = 2
_ELSEWHERE = 2
_CELL_FAILURES = 3


def without_sick_agents(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """The trials; failures of a build on an agent that is sick in it count as infrastructure."""
    trials = tuple(trials)
    builds: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    for trial in trials:
        builds[trial.key.series, trial.build].append(trial)
    sick = {build: _sick(ran) for build, ran in builds.items()}
    return tuple(
        replace(trial, state=State.INFRASTRUCTURE)
        if trial.state is State.FAILED and trial.host in sick[trial.key.series, trial.build]
        else trial
        for trial in trials
    )


def _sick(trials: Sequence[Observation]) -> frozenset[str]:
    """The agents with half or more of a build's failures, in several jobs, and more failures than passes."""
    failed = [trial for trial in trials if trial.state is State.FAILED]
    passed = Counter(trial.host for trial in trials if trial.state is State.PASSED)
    if len(failed) < _FAILURES or len({trial.host for trial in trials if trial.host}) < 2:
        return frozenset()
    failures = Counter(trial.host for trial in failed if trial.host)
    jobs: defaultdict[str, set[str]] = defaultdict(set)
    for trial in failed:
        jobs[trial.host].add(trial.key.job)
    return frozenset(
        host
        for host, number in failures.items()
        if 2 * number >= len(failed) and number > passed[host] and len(jobs[host]) >= _JOBS
    )


def suspect(timeline: Timeline, failures: Sequence[Observation]) -> str:
    """The agent with half or more of these failures while others show too few, or empty.

    A cell that only ever ran on one agent says nothing about agents.
    """
    hosts = Counter(trial.host for trial in failures if trial.host)
    if len(timeline.hosts) < 2 or not hosts:
        return ""
    host, number = min(hosts.items(), key=lambda item: (-item[1], item[0]))
    is_most = number >= _SEVERAL and 2 * number >= len(failures)
    return host if is_most and len(failures) - number < _ELSEWHERE else ""


def sick_for(timeline: Timeline) -> str:
    """The agent on which alone this cell fails, several times and always since the first time, or empty."""
    failures = [trial for commit in timeline.conclusive for trial in commit.failed]
    hosts = {trial.host for trial in failures}
    if len(failures) < _CELL_FAILURES or len(hosts) != 1:
        return ""
    since = min(map(when, failures))
    passed = {trial.host for commit in timeline.conclusive for trial in commit.passed if when(trial) >= since}
    (host,) = hosts
    return host if host and host not in passed and passed - {""} else ""
