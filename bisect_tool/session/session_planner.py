"""Create the planner of a session, with the goal from its request, range and repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool import scenario as scenarios
from bisect_tool.git.content_reverts import restored
from bisect_tool.mode import Bisect, Fixes, Repro, Step, Walk
from bisect_tool.planner import (
    BisectPlanner,
    FixCommit,
    FixesPlanner,
    FixGoal,
    Goal,
    Purpose,
    ReproGoal,
    ReproPlanner,
    StepPlanner,
    WalkPlanner,
)
from bisect_tool.search import Dag
from bisect_tool.search.prior import Change
from bisect_tool.search.relands import Message, landings
from bisect_tool.session.capabilities import capabilities_of
from bisect_tool.session.earlier_runs import earlier_runs
from bisect_tool.session.walk_goal import walk_goal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.git import Range, Repository
    from bisect_tool.planner import Planner
    from bisect_tool.request import Request
    from bisect_tool.search.relands import Landing


def planner_of(request: Request, repository: Repository, span: Range) -> Planner:
    """Return the planner for the mode of a request."""
    match request.mode:
        case Bisect() as mode:
            return BisectPlanner(bisect_goal(request, mode, repository, span))
        case Walk() as mode:
            return WalkPlanner(walk_goal(request, mode, repository, span))
        case Repro() as mode:
            return ReproPlanner(repro_goal(request, mode))
        case Fixes() as mode:
            return FixesPlanner(fix_goal(request, mode))
        case Step():
            dag = Dag(span.parents)
            return StepPlanner(Goal(dag, (), request.bad, endpoint_runs=1, grouped=request.check.grouped))


def purpose_at(request: Request, sha: str) -> Purpose:
    """Return the purpose of a trial of which only the commit is known."""
    if isinstance(request.mode, Repro):
        return Purpose.REPEAT
    at_bad, at_goods = (
        (Purpose.GOOD_END, Purpose.BAD_END) if request.finds_fix else (Purpose.BAD_END, Purpose.GOOD_END)
    )
    return {**dict.fromkeys(request.goods, at_goods), request.bad: at_bad}.get(sha, Purpose.NARROW)


def bisect_goal(request: Request, mode: Bisect, repository: Repository, span: Range) -> Goal:
    """Return the goal of a bisection."""
    return Goal(
        dag=Dag(span.parents),
        goods=mode.goods,
        bad=request.bad,
        endpoint_runs=mode.endpoint_runs,
        confidence=mode.confidence,
        fix=request.finds_fix,
        slots=request.slots,
        changes=changes(request, mode, repository, span),
        paths=paths_of(request),
        landings=_landings(span, restored(repository, span)),
        announced=_landings(span, {}),
        by_exit_code=request.check.by_exit_code and not mode.same_failure,
        grouped=request.check.grouped,
        selects_cells=capabilities_of(request).selects_cells,
        earlier=earlier_runs(mode, request.bad, span, repository),
        only=request.watched.tests if request.watched else frozenset(),
    )


def repro_goal(request: Request, mode: Repro) -> ReproGoal:
    """Return the goal of `repro`."""
    shas = (request.bad, mode.against) if mode.against else (request.bad,)
    return ReproGoal(shas, mode.runs, mode.until_fail)


def fix_goal(request: Request, mode: Fixes) -> FixGoal:
    """Return the goal of `fixes`: the candidates, and the combinations made so far."""
    commits = tuple(FixCommit(frozenset(each.parts), each.sha) for each in mode.fix_commits)
    return FixGoal(request.bad, commits, mode.verify, mode.runs, only=mode.cells)


def changes(request: Request, mode: Bisect, repository: Repository, span: Range) -> tuple[Change, ...]:
    """Return the changes of a range's commits for the prior; empty for a command or a fix."""
    if not mode.priors or not request.scenario or request.finds_fix:
        return ()
    files = repository.changed_by(commit.sha for commit in span.commits)
    return tuple(
        Change(
            commit.sha,
            commit.subject,
            # Files that a merge brings were changed by its commits, unless only the mainline counts.
            files[commit.sha] if span.first_parent or len(commit.parents) < 2 else (),
            len(commit.parents),
        )
        for commit in span.commits
    )


def paths_of(request: Request) -> tuple[str, ...]:
    """Return files and folders that are relevant to the tests."""
    relevant = scenarios.load(request.scenario).paths if request.scenario else ()
    return (*request.check.relevant_paths, *relevant)


def _landings(span: Range, takes_back: Mapping[str, str]) -> Mapping[str, Landing]:
    messages = (
        Message(each.sha, each.subject, each.body, takes_back.get(each.sha, "")) for each in span.commits
    )
    return landings(list(messages))
