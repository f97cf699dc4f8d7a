"""`bisect-run plan`: what `run` would do; runs nothing."""

from __future__ import annotations

import shlex
from dataclasses import replace
from math import log2
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from bisect_tool import scenario as scenarios
from bisect_tool.build import BuildProfile, fingerprint, native_paths
from bisect_tool.format import listing
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import Resolved, resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.render.plan import Forecast, Plan, render_plan
from bisect_tool.request import CommandCheck, Request, targets
from bisect_tool.search import Dag
from bisect_tool.search.prior import Suspicion, weights
from bisect_tool.session.session import changes, paths_of
from bisect_tool.session.store import Store
from bisect_tool.simulate.simulate import KnownRange, Noise, SearchSettings, Spread, in_parts, simulate_search
from bisect_tool.supervise.load import current_load
from bisect_tool.terminal.output import say
from bisect_tool.terminal.terminal import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.session.store import SessionRow

_FAIL_BAD = (1.0, 0.5, 0.25)
_SEARCHES = 24
_PLAYED = 128
"""A longer range is played as a line of so many parts; what it takes to search one of them is added."""

EXAMPLES = (
    "bisect-run plan --good v0.8.0 --bad main",
    "bisect-run plan --good v2.1 --bad HEAD -- ./check.sh",
)


def plan(
    good: shared_options.Good,
    bad: shared_options.Bad,
    repo: shared_options.Repo = None,
    scenario: shared_options.Scenario = None,
    profile: shared_options.Profile = None,
    cells: shared_options.Cells = None,
    pytest: shared_options.Pytest = None,
    pytest_args: shared_options.PytestArgs = None,
    python: shared_options.Python = None,
    tests_from: shared_options.TestsFrom = None,
    first_parent: shared_options.FirstParent = False,
    find: shared_options.Find = "regression",
    endpoint_runs: shared_options.EndpointRuns = 2,
    confidence: shared_options.Confidence = 0.95,
    budget_trials: shared_options.BudgetTrials = None,
    budget_minutes: shared_options.BudgetMinutes = None,
    slots: shared_options.Slots = 1,
    no_priors: shared_options.NoPriors = False,
    fresh: shared_options.Fresh = False,
    same_failure: shared_options.SameFailure = False,
    deadline: shared_options.Deadline = 3600.0,
    pass_env: shared_options.PassEnv = None,
    command: shared_options.Command = None,
) -> int:
    """Show the commits, builds and trials that `run` would need."""
    options = RunOptions(
        goods=tuple(good),
        bad=bad,
        repo=repo,
        scenario=scenario,
        profile=profile,
        pytest=tuple(pytest or ()),
        pytest_args=pytest_args,
        python=python,
        tests_from=tests_from,
        command=tuple(command or ()),
        cells=tuple(cells or ()),
        first_parent=first_parent,
        find=find,
        endpoint_runs=endpoint_runs,
        confidence=confidence,
        budget_trials=budget_trials,
        budget_minutes=budget_minutes,
        slots=slots,
        priors=not no_priors,
        fresh=fresh,
        same_failure=same_failure,
        deadline_s=deadline,
        pass_env=tuple(pass_env or ()),
    )
    here = home()
    resolved = resolve(options, here, say)
    found = plan_of(resolved, _trial_s(Store(here.store, say), resolved.request))
    show(render_plan(replace(found, busy=current_load().busy)))
    return 0


def _trial_s(store: Store, request: Request) -> float | None:
    """What a trial took on average in the last session of the same scenario and profile."""
    for row in store.sessions() if request.scenario else ():
        if _runs_of(row) == (request.scenario, request.profile):
            seconds = [trial.result.seconds for trial in store.trials(row.id)]
            if seconds:
                return fmean(seconds)
    return None


def _runs_of(row: SessionRow) -> tuple[str | None, str | None] | None:
    """The scenario and profile of a session; None where another version stored it."""
    try:
        asked = Request.model_validate_json(row.request)
    except ValidationError:
        return None
    return asked.scenario, asked.profile


def plan_of(resolved: Resolved, trial_s: float | None = None) -> Plan:
    """What `run` would do about a request; `trial_s` is what a trial takes, as far as that is known."""
    request, repository, commits = resolved.request, resolved.repository, resolved.range.commits
    suspicions = weights(changes(request, repository, resolved.range), paths_of(request))
    build = _build(request)
    native: dict[str, tuple[str, ...]] = {}
    if build is not None:
        changed = repository.changed_by(commit.sha for commit in commits)
        files = {sha: native_paths(paths, build) for sha, paths in changed.items()}
        native = {commit.sha: files[commit.sha] for commit in commits if files[commit.sha]}
    return Plan(
        goods=tuple(repository.commit(sha) for sha in request.goods),
        commits=commits,
        repo=request.repo,
        check=_check(request),
        environments=len(_environments(resolved, build, native)) if build else 0,
        native=native,
        pinned=bool(build and build.base),
        forecasts=_forecasts(request, resolved.range.parents, suspicions, trial_s),
        suspicions={each.sha: each for each in suspicions},
        fix=request.find == "fix",
    )


def _forecasts(
    request: Request,
    parents: Mapping[str, tuple[str, ...]],
    suspicions: Sequence[Suspicion],
    trial_s: float | None,
) -> tuple[Forecast, ...]:
    """What the search would cost, played on this range; culprits are drawn as the prior has them."""
    dag = Dag(parents)
    weight = {each.sha: each.weight for each in suspicions}
    length, good = len(dag.candidates), request.goods[0]
    if length > _PLAYED:
        dag, weight = in_parts(dag, weight, good, _PLAYED)
    terms, share_s = SearchSettings(request.confidence, request.slots), trial_s and trial_s / request.slots
    forecasts = []
    for fail_bad in _FAIL_BAD:
        noise = Noise(fail_bad, 0.0)
        trials = _played(dag, weight, good, noise, terms)
        more = log2(length / len(dag.candidates)) / noise.capacity
        mean, p95 = trials.mean + more, trials.p95 + more
        forecasts.append(Forecast(fail_bad, mean, p95, share_s, request.endpoint_runs))
    return tuple(forecasts)


def _played(dag: Dag, weight: Mapping[str, float], good: str, noise: Noise, terms: SearchSettings) -> Spread:
    """What searches of a range cost, the culprit drawn anew for each."""
    chance = np.random.default_rng(0)
    odds = np.array([weight.get(sha, 1.0) for sha in dag.candidates])
    culprits = chance.choice(len(odds), size=_SEARCHES, p=odds / odds.sum())
    bad = dag.candidates[-1]
    cases = (KnownRange(dag, good, bad, dag.candidates[culprit], weight) for culprit in culprits)
    return Spread.of([simulate_search(case, noise, terms, chance).trials for case in cases])


def _build(request: Request) -> BuildProfile | None:
    if not request.scenario or not request.profile:
        return None
    return scenarios.load(request.scenario).profile(request.profile).build


def _environments(resolved: Resolved, build: BuildProfile, native: dict[str, tuple[str, ...]]) -> set[str]:
    """The environments of all commits: one that changes no native file has its first parent's."""
    span = resolved.range
    outside = (commit.parents[0] for commit in span.commits if commit.parents and commit.sha not in native)
    known = {commit.sha for commit in span.commits}
    shas = {*span.goods, *native, *(sha for sha in outside if sha not in known)}
    return {fingerprint(resolved.repository, sha, build) for sha in shas}


def _check(request: Request) -> str:
    if isinstance(request.check, CommandCheck):
        return shlex.join(request.check.argv)
    what = f"{request.scenario}, profile {request.profile}"
    if named := targets(request.check):
        return f"{' '.join(named)}, {what}"
    return f"{what}: {listing(request.cells)}" if request.cells else what
