"""Compose the document of a session from its request, its trials and the planner's state."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from typing import TYPE_CHECKING

from bisect_tool import __version__
from bisect_tool.build import packages
from bisect_tool.build.fingerprint import native_paths
from bisect_tool.errors import ExitCode
from bisect_tool.git import plumbing
from bisect_tool.git.forge import forge_of
from bisect_tool.options.resolve import hidden
from bisect_tool.request import CommandCheck, ProjectCheck
from bisect_tool.results import fixes
from bisect_tool.results.cells import cell_report
from bisect_tool.results.check_warnings import doubting, shadowed, withheld_from
from bisect_tool.results.commits import commit_info, mentioned_shas, parents_outside, with_merge_request
from bisect_tool.results.conclusion import CUT_OFF, conclude, conclude_step, with_root_notes
from bisect_tool.results.culprits import culprit_report, merge_itself, parent_runs
from bisect_tool.results.document import (
    CulpritReport,
    Document,
    NativeChange,
    TrialReport,
)
from bisect_tool.results.failures import build_failures, evidence_report, failure_reports
from bisect_tool.results.load import load_contrasts
from bisect_tool.results.repro import concluded, first_failure, reproduction
from bisect_tool.results.sanitise import sanitise
from bisect_tool.results.trials import total_cost, trial_report
from bisect_tool.sanitise import secret_values
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.planner import State
    from bisect_tool.request import Request
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import TrialResult


_RESUMABLE = (ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


def compose(
    session: Session, rows: Sequence[TrialRow], state: State, native: Sequence[NativeChange] = ()
) -> Document:
    """The document of a session as far as it came; `native` lists commits with other native files.

    Whatever wrote its texts, they are cleaned, and free of the secrets in this process's environment.
    """
    request = session.request
    shadows = hidden(request, session.repository)
    cuts = session.repository.cuts
    commits = {commit.sha: commit for commit in session.range.commits}
    outside = dict.fromkeys((*request.goods, *(row.result.sha for row in rows)))
    commits |= {sha: session.repository.commit(sha) for sha in outside if sha not in commits}
    commits |= parents_outside(session, state, commits)
    forge = forge_of(session.repository.origin)
    if forge and forge.gitlab:
        commits = {sha: with_merge_request(commit) for sha, commit in commits.items()}
    state = doubting(session, with_root_notes(state, commits, cuts), shadows)
    trials = tuple(trial_report(row) for row in rows)
    unbuilt = _no_ops(session, state, commits)
    results, seen = [row.result for row in rows], None
    repro = reproduction(request.repetition, request.bad, results)
    fix_result = fixes.fix_report(request.fixes, session.goal, session.range, results)
    if repro is not None:
        code, conclusion = concluded(repro, state, results)
        seen = first_failure(repro, request.bad, results)
    elif fix_result is not None:
        code, conclusion = fixes.concluded(fix_result, request.bad, state, results)
        seen = fixes.first_failure(fix_result, request.bad, results)
    else:
        code, conclusion = conclude(state, rows, unbuilt) if request.goods else conclude_step(rows)
        if code is ExitCode.DONE and any(item.culprit in cuts for item in state.conclusions):
            code, conclusion = ExitCode.INCONCLUSIVE, f"suspect: {CUT_OFF}"
    fix = request.find == "fix"
    failures = (
        evidence_report(seen) if repro or fix_result else failure_reports(state, rows, commits, fix=fix)
    )
    failures = failures or build_failures(rows)
    again = _rerun(request, [row.result for row in rows if not row.shared])
    document = Document(
        schema=2,
        command=request.command,
        rerun=again,
        rerun_same_failure=request.rerun_same_failure if _fails_otherwise(state) else "",
        session=session.id,
        created=session.created,
        scenario=request.scenario or "",
        profile=request.profile or "",
        repo=request.repo,
        origin=session.repository.origin,
        find=request.find,
        good=(request.bad,) if fix else request.goods,
        bad=request.goods[0] if fix else request.bad,
        candidates_total=len(session.range.commits),
        exit_code=code,
        resumable=state.stopped or code in _RESUMABLE,
        conclusion=conclusion,
        cells={item.cell: cell_report(item, commits, rows, unbuilt, fix=fix) for item in state.conclusions},
        repro=repro,
        fixes=fix_result,
        failure=next(iter(failures), None),
        failures=failures,
        culprits=culprit_reports(session, state, commits, trials),
        commits={
            sha: commit_info(commits[sha])
            for sha in mentioned_shas(session, rows, state, native, commits)
            if sha in commits
        },
        native_changes=tuple(native),
        check=request.check if isinstance(request.check, CommandCheck) else None,
        withheld=withheld_from(request, failed=bool(failures) or _all_skipped(rows)),
        shadows=shadowed(session, shadows, again, results),
        trials=trials,
        load=load_contrasts(trials),
        cost=total_cost(rows),
        versions=_versions(session, rows),
    )
    return sanitise(document, secret_values(os.environ))


def _all_skipped(rows: Sequence[TrialRow]) -> bool:
    """Whether trials ran, and every cell was skipped in each of them."""
    cells = [cell for row in rows for cell in row.result.cells]
    return bool(cells) and all(cell.outcome is Outcome.SKIPPED for cell in cells)


def _rerun(request: Request, own: Sequence[TrialResult]) -> str:
    """The command line to run it again; without its budgets, if it was resumed beyond them.

    With them it would not come as far as it did. No trial begins later than a budget after the first one.
    """
    started = [datetime.fromisoformat(trial.started) for trial in own if trial.started]
    minutes = (max(started) - min(started)).total_seconds() / 60 if started else 0.0
    beyond = (request.budget_trials is not None and len(own) > request.budget_trials) or (
        request.budget_minutes is not None and minutes > request.budget_minutes
    )
    return request.rerun_unlimited or request.rerun if beyond else request.rerun


def _fails_otherwise(state: State) -> bool:
    """Whether a command fails in more than one way, so that one of them is to be looked for."""
    return any(item.other_failure or item.otherwise for item in state.conclusions)


def _versions(session: Session, rows: Sequence[TrialRow]) -> dict[str, str]:
    """What ran: this tool and its machine, git, and the packages of the first environment that was used."""
    environment = next((row.result.environment for row in rows if row.result.environment), "")
    return {
        "bisect-run": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "git": ".".join(map(str, plumbing.version())),
        **(packages.versions(session.home.cache, environment) if environment else {}),
    }


def native_changes(session: Session) -> tuple[NativeChange, ...]:
    """Commits that change native files although one compiled base serves the whole range."""
    profile = session.config.profile
    if profile is None or not profile.build.base:
        return ()
    changed = session.repository.changed_by(commit.sha for commit in session.range.commits)
    native = {sha: native_paths(paths, profile.build) for sha, paths in changed.items()}
    return tuple(NativeChange(sha=sha, paths=paths) for sha, paths in native.items() if paths)


def _no_ops(session: Session, state: State, commits: Mapping[str, Commit]) -> frozenset[str]:
    """The culprits that change nothing of what is built and run: the answer is suspect then.

    Where a profile does not name the folders that run, everything in the tree may.
    """
    build = profile.build if (profile := session.config.profile) else None
    whole = isinstance(session.request.check, ProjectCheck)  # any file can be what its tests look at
    paths = (*build.native, *build.tree) if build and build.tree and not whole else ()
    found = {item.culprit for item in state.conclusions if item.culprit}
    trees = session.repository.same_tree
    parents = {sha: commits[sha].parents for sha in found}
    return frozenset(sha for sha, before in parents.items() if before and trees(sha, before[0], paths))


def culprit_reports(
    session: Session, state: State, commits: Mapping[str, Commit], trials: Sequence[TrialReport]
) -> dict[str, CulpritReport]:
    """What each culprit changes, and what was seen at its parents."""
    cells: dict[str, list[str]] = {}
    for item in state.conclusions:
        if item.culprit:
            cells.setdefault(item.culprit, []).append(item.cell)
    searched = {commit.sha for commit in session.range.commits}
    fix = session.request.find == "fix"
    found = {}
    for sha, names in cells.items():
        parents = parent_runs(commits[sha].parents, names, trials)
        # Along first parents nothing is known of the others, which may have broken it.
        unknown = searched.union(commits[sha].parents) if session.range.first_parent else searched
        itself = merge_itself(parents, unknown, fix=fix)
        changes = session.repository.changes(sha, of_merge=itself)
        report = culprit_report(parents, changes, itself=itself)
        found[sha] = report.model_copy(update={"cut_off": sha in session.repository.cuts})
    return found
