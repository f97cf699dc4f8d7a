"""Detect sick agents: agents that fail tests which pass on others, in a whole build or in one cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State
from bisect_tool.nightly_rules.timeline import time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.nightly_rules.timeline import Timeline

_FAILURES = 4
"""Failures that a build must have before one of its agents counts as sick."""
_JOBS = 2
"""Jobs in which a sick agent must fail."""
_SUSPECT_FAILURES = 2
"""Failures that a suspect agent must have."""
_OTHER_FAILURES = 2
"""Failures on other agents which show that the agent is not the cause."""
_CELL_FAILURES = 3
"""Failures that a cell must have before an agent counts as sick for it."""


def without_sick_agents(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """Return the trials; failures on an agent that was sick in that build become infrastructure failures."""
    trials = tuple(trials)
    builds: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    for trial in trials:
        builds[trial.key.series, trial.build].append(trial)
    sick = {build: _sick_agents(build_trials) for build, build_trials in builds.items()}
    return tuple(
        replace(trial, state=State.INFRASTRUCTURE)
        if trial.state is State.FAILED and trial.host in sick[trial.key.series, trial.build]
        else trial
        for trial in trials
    )


def _sick_agents(trials: Sequence[Observation]) -> frozenset[str]:
    """Return the agents with at least half of a build's failures, in several jobs, and fewer passes."""
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
        for host, count in failures.items()
        if 2 * count >= len(failed) and count > passed[host] and len(jobs[host]) >= _JOBS
    )


def suspect_agent(timeline: Timeline, failures: Sequence[Observation]) -> str:
    """Return the agent with at least half of these failures, if other agents have too few; else empty.

    A cell that ran on one agent only has no suspect agent.
    """
    hosts = Counter(trial.host for trial in failures if trial.host)
    if len(timeline.hosts) < 2 or not hosts:
        return ""
    host, count = min(hosts.items(), key=lambda item: (-item[1], item[0]))
    is_most = count >= _SUSPECT_FAILURES and 2 * count >= len(failures)
    return host if is_most and len(failures) - count < _OTHER_FAILURES else ""


def sick_agent_of(timeline: Timeline) -> str:
    """Return the agent on which alone this cell fails, several times and without a pass since; else empty."""
    failures = [trial for commit in timeline.conclusive for trial in commit.failed]
    hosts = {trial.host for trial in failures}
    if len(failures) < _CELL_FAILURES or len(hosts) != 1:
        return ""
    since = min(map(time_of, failures))
    passed = {
        trial.host for commit in timeline.conclusive for trial in commit.passed if time_of(trial) >= since
    }
    (host,) = hosts
    return host if host and host not in passed and passed - {""} else ""
