"""Compose the document of a session from its request, its trials and the planner's state."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bisect_tool import __version__
from bisect_tool.build.fingerprint import native_paths
from bisect_tool.build.package_versions import versions
from bisect_tool.errors import RESUMABLE_CODES, ExitCode
from bisect_tool.git import plumbing
from bisect_tool.git.forge import forge_of
from bisect_tool.json_document import fixes
from bisect_tool.json_document.cells import cell_report
from bisect_tool.json_document.check_warnings import shadow_reports, with_doubted_culprits, withheld_from
from bisect_tool.json_document.commits import commit_info, mentioned_shas, parents_outside, with_merge_request
from bisect_tool.json_document.conclusion import (
    CUT_OFF,
    conclude,
    conclude_step,
    conclude_walk,
    with_root_notes,
)
from bisect_tool.json_document.culprits import culprit_report, merge_itself, parent_runs
from bisect_tool.json_document.document import (
    CulpritReport,
    Document,
    EarlierResults,
    FailureReport,
    NativeChange,
    TrialReport,
)
from bisect_tool.json_document.failures import build_failures, evidence_report, failure_reports
from bisect_tool.json_document.machine_load import load_contrasts
from bisect_tool.json_document.repro import conclude_repro, first_failure, reproduction
from bisect_tool.json_document.sanitise import sanitise
from bisect_tool.json_document.trials import total_cost, trial_report
from bisect_tool.mode import Bisect, Fixes, Repro, Step, Walk
from bisect_tool.options.checkout_visibility import shadows_of
from bisect_tool.planner import BisectPlanner, WalkPlanner, found_end
from bisect_tool.sanitise import secret_values
from bisect_tool.session.capabilities import capabilities_of
from bisect_tool.session.session_planner import fix_goal
from bisect_tool.verdict import Outcome
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.json_document.fixes import FixReport
    from bisect_tool.json_document.repro import Reproduction
    from bisect_tool.planner import State
    from bisect_tool.request import Request
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import TrialResult


def compose(
    session: Session, rows: Sequence[TrialRow], state: State, native: Sequence[NativeChange] = ()
) -> Document:
    """Compose the document of a session, finished or not; `native` are the commits that change native files.

    All text is sanitised, and secrets in this process's environment are masked.
    """
    request = session.request
    shadows = shadows_of(request, session.repository)
    cuts = session.repository.cuts
    commits = {commit.sha: commit for commit in session.range.commits}
    others = dict.fromkeys((*request.ends, *(row.result.sha for row in rows)))
    commits |= {sha: session.repository.commit(sha) for sha in others if sha not in commits}
    commits |= parents_outside(session, state, commits)
    forge = forge_of(session.repository.origin)
    if forge and forge.gitlab:
        commits = {sha: with_merge_request(commit) for sha, commit in commits.items()}
    state = with_doubted_culprits(session, with_root_notes(state, commits, cuts), shadows)
    trials = tuple(trial_report(row) for row in rows)
    no_ops = _no_ops(session, state, commits)
    results = [row.result for row in rows]
    result = _mode_result(session, rows, state, no_ops)
    fix = request.finds_fix
    failures = result.failures or failure_reports(state, rows, commits, fix=fix) or build_failures(rows)
    rerun_line = _rerun(request, [row.result for row in rows if not row.shared])
    document = Document(
        schema=2,
        command="run" if isinstance(request.mode, Walk) else request.mode.command,
        rerun=rerun_line,
        rerun_same_failure=_rerun_same_failure(request, state),
        session=session.id,
        created=session.created,
        scenario=request.scenario or "",
        profile=request.profile or "",
        repo=request.repo,
        origin=session.repository.origin,
        find="fix" if fix else "regression",
        good=(request.bad,) if fix else request.goods,
        bad=request.goods[0] if fix else request.bad,
        candidates_total=len(session.range.commits),
        exit_code=result.code,
        resumable=state.stopped or result.code in RESUMABLE_CODES,
        conclusion=result.conclusion,
        cells={item.cell: cell_report(item, commits, rows, no_ops, fix=fix) for item in state.conclusions},
        repro=result.repro,
        fixes=result.fixes,
        failure=next(iter(failures), None),
        failures=failures,
        culprits=culprit_reports(session, state, commits, trials),
        commits={
            sha: commit_info(commits[sha])
            for sha in mentioned_shas(session, rows, state, native, commits)
            if sha in commits
        },
        native_changes=tuple(native),
        earlier_results=earlier_results(session, state),
        check=request.check.as_command,
        withheld=withheld_from(request, failed=bool(failures) or _all_skipped(rows)),
        shadows=shadow_reports(session, shadows, rerun_line, results),
        not_examined=capabilities_of(request).not_examined,
        trials=trials,
        load=load_contrasts(trials),
        cost=total_cost(rows),
        versions=_versions(session, rows),
    )
    return sanitise(document, secret_values(with_write_tokens(os.environ)))


@dataclass(frozen=True)
class _ModeResult:
    """The exit code and conclusion of a session, and the parts of its document that only its mode has."""

    code: ExitCode
    conclusion: str
    repro: Reproduction | None = None
    fixes: FixReport | None = None
    failures: tuple[FailureReport, ...] = ()


def _mode_result(
    session: Session, rows: Sequence[TrialRow], state: State, no_ops: frozenset[str]
) -> _ModeResult:
    results, request = [row.result for row in rows], session.request
    match request.mode:
        case Repro() as mode:
            repro = reproduction(mode, request.bad, results)
            seen = first_failure(repro, request.bad, results)
            code, conclusion = conclude_repro(repro, state, results)
            return _ModeResult(code, conclusion, repro=repro, failures=evidence_report(seen))
        case Fixes() as mode:
            found = fixes.fix_report(mode, fix_goal(request, mode), session.range, results)
            failures = evidence_report(fixes.first_failure(found, request.bad, results))
            code, conclusion = fixes.conclude_fixes(found, request.bad, state, results)
            return _ModeResult(code, conclusion, fixes=found, failures=failures)
        case Step():
            return _ModeResult(*conclude_step(rows))
        case Walk():
            assert isinstance(session.planner, WalkPlanner)
            end = found_end(session.planner.goal, results)
            return _ModeResult(*conclude_walk(session.planner.goal, state, rows, end))
        case Bisect():
            code, conclusion = conclude(state, rows, no_ops)
            if code is ExitCode.DONE and any(
                item.culprit in session.repository.cuts for item in state.conclusions
            ):
                return _ModeResult(ExitCode.INCONCLUSIVE, f"suspect: {CUT_OFF}")
            return _ModeResult(code, conclusion)


def _all_skipped(rows: Sequence[TrialRow]) -> bool:
    """Whether trials ran, and all their cells were skipped."""
    cells = [cell for row in rows for cell in row.result.cells]
    return bool(cells) and all(cell.outcome is Outcome.SKIPPED for cell in cells)


def _rerun(request: Request, own: Sequence[TrialResult]) -> str:
    """Return the command line that repeats the session; without its budgets, if it was resumed beyond them.

    With them it would not get as far. Within the budget, no trial starts later than that after the first.
    """
    mode = request.mode
    if not isinstance(mode, Bisect):
        return request.rerun
    started = [datetime.fromisoformat(trial.started) for trial in own if trial.started]
    minutes = (max(started) - min(started)).total_seconds() / 60 if started else 0.0
    beyond = (mode.budget.trials is not None and len(own) > mode.budget.trials) or (
        mode.budget.minutes is not None and minutes > mode.budget.minutes
    )
    return mode.rerun_unlimited or request.rerun if beyond else request.rerun


def _rerun_same_failure(request: Request, state: State) -> str:
    """The command line with `--same-failure` if a command fails in more than one way; else empty."""
    if not isinstance(request.mode, Bisect):
        return ""
    several = any(item.other_failure or item.fails_differently for item in state.conclusions)
    return request.mode.rerun_same_failure if several else ""


def _versions(session: Session, rows: Sequence[TrialRow]) -> dict[str, str]:
    """Return the versions of this tool, its platform and git, and the packages of the first environment."""
    environment = next((row.result.environment for row in rows if row.result.environment), "")
    return {
        "bisect-run": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "git": ".".join(map(str, plumbing.version())),
        **(versions(session.home.cache, environment) if environment else {}),
    }


def native_changes(session: Session) -> tuple[NativeChange, ...]:
    """Return the commits that change native files although all commits share one compiled base."""
    profile = session.config.profile
    if profile is None or not profile.build.base:
        return ()
    changed = session.repository.changed_by(commit.sha for commit in session.range.commits)
    native = {sha: native_paths(paths, profile.build) for sha, paths in changed.items()}
    return tuple(NativeChange(sha=sha, paths=paths) for sha, paths in native.items() if paths)


def earlier_results(session: Session, state: State) -> EarlierResults | None:
    """Count the earlier results that were used in a bisection; None if it was given none."""
    mode, planner = session.request.mode, session.planner
    if not isinstance(mode, Bisect) or not mode.observations or not isinstance(planner, BisectPlanner):
        return None
    used = [planner.goal.earlier_runs(item.cell) for item in state.conclusions]
    return EarlierResults(
        results=sum(each.total for each in used), commits=max((each.commits for each in used), default=0)
    )


def _no_ops(session: Session, state: State, commits: Mapping[str, Commit]) -> frozenset[str]:
    """Return the culprits that change nothing that is built or run, which makes them suspects.

    If the profile does not name the folders whose files run, every file in the tree counts.
    """
    build = profile.build if (profile := session.config.profile) else None
    reads_any_file = session.request.check.reads_any_file
    paths = (*build.native, *build.tree) if build and build.tree and not reads_any_file else ()
    found = {item.culprit for item in state.conclusions if item.culprit}
    trees = session.repository.same_tree
    parents = {sha: commits[sha].parents for sha in found}
    return frozenset(sha for sha, before in parents.items() if before and trees(sha, before[0], paths))


def culprit_reports(
    session: Session, state: State, commits: Mapping[str, Commit], trials: Sequence[TrialReport]
) -> dict[str, CulpritReport]:
    """Compose what each culprit changes, and the run counts at its parents."""
    cells: dict[str, list[str]] = {}
    for item in state.conclusions:
        if item.culprit:
            cells.setdefault(item.culprit, []).append(item.cell)
    searched = {commit.sha for commit in session.range.commits}
    fix = session.request.finds_fix
    found = {}
    for sha, names in cells.items():
        parents = parent_runs(commits[sha].parents, names, trials)
        # With --first-parent, nothing is known about the other parents, which may have broken it.
        unknown = searched.union(commits[sha].parents) if session.range.first_parent else searched
        itself = merge_itself(parents, unknown, fix=fix)
        changes = session.repository.changes(sha, of_merge=itself)
        report = culprit_report(parents, changes, itself=itself)
        found[sha] = report.model_copy(update={"cut_off": sha in session.repository.cuts})
    return found
