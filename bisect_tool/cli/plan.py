"""`bisect-run plan`: what `run` would do; runs nothing."""

from __future__ import annotations

from rich.text import Text

from bisect_tool import scenario as scenarios
from bisect_tool.build import fingerprint, native_paths
from bisect_tool.cli import options
from bisect_tool.home import home
from bisect_tool.report.terminal import show
from bisect_tool.resolve import Resolved, Words, resolve
from bisect_tool.text import clean


def plan(
    good: options.Good,
    bad: options.Bad,
    repo: options.Repo = None,
    scenario: options.Scenario = None,
    profile: options.Profile = None,
    first_parent: options.FirstParent = False,
    endpoint_runs: options.EndpointRuns = 2,
    command: options.Command = None,
) -> int:
    """Say which commits, builds and trials a bisection would take."""
    words = Words(
        goods=tuple(good),
        bad=bad,
        repo=repo,
        scenario=scenario,
        profile=profile,
        command=tuple(command or ()),
        first_parent=first_parent,
        endpoint_runs=endpoint_runs,
    )
    show(Text(clean(describe(resolve(words, home())))))
    return 0


def describe(resolved: Resolved) -> str:
    """The plan in words, candidates first."""
    request, commits = resolved.request, resolved.range.commits
    steps = max(len(commits) - 1, 0).bit_length()
    ends = request.endpoint_runs * (1 + len(request.goods))
    lines = [f"{len(commits)} candidates in {request.repo}"]
    lines += [f"  {commit.sha[:9]} {commit.subject}" for commit in commits]
    if request.scenario and request.profile:
        build = scenarios.load(request.scenario).profile(request.profile).build
        names = {fingerprint(resolved.repository, commit.sha, build) for commit in commits}
        lines.append(f"environments to build: {len(names)} (profile {request.profile})")
        changed = {
            commit: native_paths(resolved.repository.changed_paths(commit.sha), build) for commit in commits
        }
        lines += [
            f"native files change at {commit.sha[:9]}: {', '.join(paths)}"
            for commit, paths in changed.items()
            if paths
        ]
    lines.append(
        f"trials: {ends} for the ends, up to {steps} to narrow, up to {request.confirm_runs} to confirm"
    )
    return "\n".join(lines)
