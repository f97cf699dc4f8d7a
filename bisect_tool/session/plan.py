"""Plan what `run` would do for a request: commits, environments and expected trials; runs nothing."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.build import BuildProfile, fingerprint, native_paths
from bisect_tool.build.cache import Entry
from bisect_tool.checks import PytestCheck, SuiteCheck
from bisect_tool.executor.environments import environments
from bisect_tool.executor.published_wheels import published
from bisect_tool.expected_cost import Schedule
from bisect_tool.format import listing
from bisect_tool.mode import Bisect
from bisect_tool.options.resolve_wheels import profile_of
from bisect_tool.search import Dag
from bisect_tool.search.prior import Suspicion, weights
from bisect_tool.session.executor_costs import executor_costs
from bisect_tool.session.session_planner import changes, paths_of
from bisect_tool.simulate.simulate import (
    KnownRange,
    Noise,
    SearchSettings,
    Spread,
    merge_into_parts,
    simulate_search,
)
from bisect_tool.wheels.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from bisect_tool.expected_cost import PastTrial
    from bisect_tool.git import Commit
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.request import Request
    from bisect_tool.session.executor_costs import ExecutorCost
    from bisect_tool.wheels.index import Wheel

_FAIL_BAD = (1.0, 0.5, 0.25)
_SEARCHES = 24
_SIMULATED_PARTS = 128
"""Longer ranges are simulated as a line of this many parts; the cost of searching one part is added."""


@dataclass(frozen=True)
class Forecast:
    """The expected trials of a search of this range, if bad commits fail with probability `fail_bad`.

    `searches` are the simulated searches. If none of `endpoint_runs` of the bad end fails, the cell counts as
    passing.
    """

    fail_bad: float
    mean: float
    p95: float
    endpoint_runs: int
    searches: tuple[Schedule, ...] = ()

    @property
    def missed(self) -> float:
        """Probability that no run of the bad end fails."""
        return float((1 - self.fail_bad) ** self.endpoint_runs)


@dataclass(frozen=True)
class Plan:
    """The plan of `run`.

    Attributes:
        goods: The good ends.
        commits: The candidates, ancestors first; the last is the bad end.
        repo: The repository.
        check: The check to run at each commit.
        environments: The most environments that would be built; 0 if none is needed.
        native: The native files that commits change, by commit.
        pinned: One compiled base is used for all commits, whatever native files they change.
        forecasts: Expected trials, for deterministic and for flaky failures.
        costs: The expected cost at each executor, that of the request first.
        deadline_s: The time limit of a trial's tests; None if CI sets it.
        suspicions: The prior of each commit, by id; empty if all are equal.
        fix: The search is for a fix: `goods` fail, and the last commit passes.
        wheels: The wheel that each commit's build uses, by commit; None if builds use none.
        fresh: A sentence if the wheel of the last commit may not be published yet; else empty.
        busy: The measure that shows load on the machine now, with its value; empty if it is idle.
        in_ci: Trials are jobs of CI.
    """

    goods: tuple[Commit, ...]
    commits: tuple[Commit, ...]
    repo: str
    check: str
    environments: int
    native: Mapping[str, tuple[str, ...]]
    pinned: bool
    forecasts: tuple[Forecast, ...] = ()
    costs: tuple[ExecutorCost, ...] = ()
    deadline_s: float | None = None
    suspicions: Mapping[str, Suspicion] = field(default_factory=dict)
    fix: bool = False
    wheels: Mapping[str, Wheel] | None = None
    fresh: str = ""
    busy: str = ""
    in_ci: bool = False


def plan_of(
    resolved: Resolved, past: Mapping[str, Sequence[PastTrial]] | None = None, cache: Path | None = None
) -> Plan:
    """Return the plan of a request.

    `past` are earlier trials of its check, by executor. `cache` is the folder of environments built on this
    machine; None if it is not to be looked at.
    """
    request, repository, commits = resolved.request, resolved.repository, resolved.range.commits
    mode = request.mode
    assert isinstance(mode, Bisect)
    suspicions = weights(changes(request, mode, repository, resolved.range), paths_of(request))
    build = _build(request)
    native: dict[str, tuple[str, ...]] = {}
    if build is not None:
        changed = repository.changed_by(commit.sha for commit in commits)
        files = {sha: native_paths(paths, build) for sha, paths in changed.items()}
        native = {commit.sha: files[commit.sha] for commit in commits if files[commit.sha]}
    wheels = _wheels(resolved)
    names = _environments(resolved, build, native) if build else set()
    forecasts = _forecasts(mode, request.slots, resolved.range.parents, suspicions)
    searches = [forecast.searches for forecast in forecasts]
    missing = _missing(names, cache if request.runs_here else None)
    return Plan(
        goods=tuple(repository.commit(sha) for sha in request.goods),
        commits=commits,
        repo=request.repo,
        check=_check(request),
        environments=len(names),
        native=native,
        pinned=bool(build and build.base),
        forecasts=forecasts,
        costs=executor_costs(request, searches, past or {}, missing),
        deadline_s=_deadline_s(request),
        suspicions={each.sha: each for each in suspicions},
        fix=request.finds_fix,
        in_ci=request.check.as_job is not None,
        wheels=wheels,
        fresh=_fresh(resolved, wheels, time.time()),
    )


def _missing(names: Collection[str], cache: Path | None) -> int:
    """Count the environments that are not built yet."""
    return sum(cache is None or not Entry.of(cache, name).complete for name in names)


def _deadline_s(request: Request) -> float | None:
    """Return the time limit of a trial's tests; None for a CI job."""
    if request.check.as_job:
        return None
    profile = profile_of(request)
    is_scenario = isinstance(request.check, SuiteCheck | PytestCheck)
    return profile.timeouts.trial if profile and is_scenario else request.deadline_s


def _wheels(resolved: Resolved) -> Mapping[str, Wheel] | None:
    """Return the wheel that each commit's build uses."""
    profile = profile_of(resolved.request)
    if profile is None or profile.build.commit_wheels is None:
        return None
    names = environments(resolved.repository, resolved.range, profile)
    return published(resolved.repository, resolved.range, profile, names)


def _fresh(resolved: Resolved, wheels: Mapping[str, Wheel] | None, now: float) -> str:
    bad = resolved.request.bad
    if wheels is None or (bad in wheels and wheels[bad].sha == bad):
        return ""
    known = Lineage((bad,), resolved.repository.committed(bad))
    return known.missing(now) if known.is_fresh(now) else ""


def _forecasts(
    mode: Bisect,
    slots: int,
    parents: Mapping[str, tuple[str, ...]],
    suspicions: Sequence[Suspicion],
) -> tuple[Forecast, ...]:
    """Simulate the cost of the search on this range, with culprits drawn from the prior."""
    dag = Dag(parents)
    weight = {each.sha: each.weight for each in suspicions}
    length, good = len(dag.candidates), mode.goods[0]
    if length > _SIMULATED_PARTS:
        dag, weight = merge_into_parts(dag, weight, good, _SIMULATED_PARTS)
    terms = SearchSettings(mode.confidence, slots)
    forecasts = []
    for fail_bad in _FAIL_BAD:
        noise = Noise(fail_bad, 0.0)
        searches = _simulated(dag, weight, good, noise, terms)
        trials = Spread.of([each.trials for each in searches])
        more = log2(length / len(dag.candidates)) / noise.capacity
        longer = tuple(_longer(each, more, slots) for each in searches)
        forecasts.append(
            Forecast(fail_bad, trials.mean + more, trials.p95 + more, mode.endpoint_runs, longer)
        )
    return tuple(forecasts)


def _simulated(
    dag: Dag, weight: Mapping[str, float], good: str, noise: Noise, terms: SearchSettings
) -> list[Schedule]:
    """Simulate searches of a range, each with a new random culprit."""
    chance = np.random.default_rng(0)
    odds = np.array([weight.get(sha, 1.0) for sha in dag.candidates])
    culprits = chance.choice(len(odds), size=_SEARCHES, p=odds / odds.sum())
    bad = dag.candidates[-1]
    cases = (KnownRange(dag, good, bad, dag.candidates[culprit], weight) for culprit in culprits)
    return [simulate_search(case, noise, terms, chance).schedule for case in cases]


def _longer(search: Schedule, runs: float, slots: int) -> Schedule:
    """Extend a search by a number of sequential runs; k slots speed it up by log2(k + 1)."""
    rounds = round(runs / log2(slots + 1))
    return Schedule((*search.sizes, *(slots,) * rounds), search.commits + rounds * slots)


def _build(request: Request) -> BuildProfile | None:
    profile = profile_of(request)
    return profile.build if profile else None


def _environments(resolved: Resolved, build: BuildProfile, native: dict[str, tuple[str, ...]]) -> set[str]:
    """Return the environments of all commits: one that changes no native file has its first parent's."""
    span = resolved.range
    outside = (commit.parents[0] for commit in span.commits if commit.parents and commit.sha not in native)
    known = {commit.sha for commit in span.commits}
    shas = {*span.goods, *native, *(sha for sha in outside if sha not in known)}
    return {fingerprint(resolved.repository, sha, build) for sha in shas}


def _check(request: Request) -> str:
    if job := request.check.as_job:
        return f"job {job.job} on {job.pipeline or job.repository}"
    if request.check.command:
        return shlex.join(request.check.command)
    what = f"{request.scenario}, profile {request.profile}"
    if named := request.check.test_targets:
        return f"{' '.join(named)}, {what}"
    return f"{what}: {listing(request.cells)}" if request.cells else what
