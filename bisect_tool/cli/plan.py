"""`bisect-run plan`: what `run` would do; runs nothing."""

from __future__ import annotations

import shlex

from bisect_tool import scenario as scenarios
from bisect_tool.build import BuildProfile, fingerprint, native_paths
from bisect_tool.cli import options
from bisect_tool.cli.output import say
from bisect_tool.home import home
from bisect_tool.report.phrase import listing
from bisect_tool.report.plan import Plan, render_plan
from bisect_tool.report.terminal import show
from bisect_tool.request import CommandCheck, PytestCheck, Request
from bisect_tool.resolve import Resolved, Words, resolve


def plan(
    good: options.Good,
    bad: options.Bad,
    repo: options.Repo = None,
    scenario: options.Scenario = None,
    profile: options.Profile = None,
    cells: options.Cells = None,
    pytest: options.PytestFile = None,
    tests_from: options.TestsFrom = None,
    first_parent: options.FirstParent = False,
    find: options.Find = "regression",
    endpoint_runs: options.EndpointRuns = 2,
    confidence: options.Confidence = 0.95,
    budget_trials: options.BudgetTrials = None,
    budget_minutes: options.BudgetMinutes = None,
    slots: options.Slots = 1,
    no_priors: options.NoPriors = False,
    fresh: options.Fresh = False,
    deadline: options.Deadline = 3600.0,
    command: options.Command = None,
) -> int:
    """Say which commits, builds and trials `run` would take."""
    words = Words(
        goods=tuple(good),
        bad=bad,
        repo=repo,
        scenario=scenario,
        profile=profile,
        pytest_file=pytest,
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
        deadline_s=deadline,
    )
    show(render_plan(plan_of(resolve(words, home(), say))))
    return 0


def plan_of(resolved: Resolved) -> Plan:
    """What `run` would do about a request."""
    request, repository, commits = resolved.request, resolved.repository, resolved.range.commits
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
        ends=request.endpoint_runs * (1 + len(request.goods)),
        narrow=max(len(commits) - 1, 0).bit_length(),
        confirm=2,
    )


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
    if isinstance(request.check, PytestCheck):
        return f"{request.check.file}, {what}"
    return f"{what}: {listing(request.cells)}" if request.cells else what
