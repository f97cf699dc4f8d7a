"""From a session and its trials to the document."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from bisect_tool import __version__
from bisect_tool.build import packages
from bisect_tool.build.fingerprint import native_paths
from bisect_tool.campaign import CellConclusion, EndCounts, Finding, Purpose, State
from bisect_tool.errors import BisectError, ExitCode
from bisect_tool.evidence import is_symptom
from bisect_tool.history import plumbing
from bisect_tool.history.commit import merge_request
from bisect_tool.history.range import DEEPEN
from bisect_tool.report import fixes
from bisect_tool.report.check import doubting, shadowed, withheld_from
from bisect_tool.report.culprits import culprit_report, merge_itself, parent_runs
from bisect_tool.report.document import (
    BUILD,
    CellReport,
    CommitInfo,
    Cost,
    CulpritReport,
    Document,
    EndCount,
    FailRates,
    FailureReport,
    MachineLoad,
    NativeChange,
    OtherFailureReport,
    Skipped,
    TrialReport,
)
from bisect_tool.report.forge import forge_of
from bisect_tool.report.load import load_contrasts
from bisect_tool.report.phrase import joined, narrowed, told
from bisect_tool.report.repro import concluded, first_failure, reproduction
from bisect_tool.request import CommandCheck, ProjectCheck
from bisect_tool.resolve import hidden
from bisect_tool.session import setting
from bisect_tool.text import clean, redact, secret_values
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from bisect_tool.evidence import Failure
    from bisect_tool.history.commit import Commit
    from bisect_tool.request import Request
    from bisect_tool.session import Session
    from bisect_tool.store import TrialRow
    from bisect_tool.supervise.load import Load
    from bisect_tool.trial.result import TrialResult


_RESUMABLE = (ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED, ExitCode.TERMINATED)

# Fields that hold words of ours and times. A secret may be one of these words, and masks it nowhere else.
_OUR_WORDS = frozenset(
    {
        "command",
        "session",
        "created",
        "finding",
        "kind",
        "severity",
        "purpose",
        "outcome",
        "started",
    }
)
# The keys of these are names of cells, and their values words of ours.
_BY_CELL = frozenset({"outcomes"})


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
    commits |= _parents(session, state, commits)
    forge = forge_of(session.repository.origin)
    if forge and forge.gitlab:
        commits = {sha: _on_gitlab(commit) for sha, commit in commits.items()}
    state = doubting(session, _noting_roots(state, commits, cuts), shadows)
    trials = tuple(_trial(row) for row in rows)
    unbuilt = _no_ops(session, state, commits)
    results, seen = [row.result for row in rows], None
    repro = reproduction(request.repetition, request.bad, results)
    healed = fixes.healings(request.fixes, session.goal, session.range, results)
    if repro is not None:
        code, conclusion = concluded(repro, state, results)
        seen = first_failure(repro, request.bad, results)
    elif healed is not None:
        code, conclusion = fixes.concluded(healed, request.bad, state, results)
        seen = fixes.first_failure(healed, request.bad, results)
    else:
        code, conclusion = conclude(state, rows, unbuilt) if request.goods else _one_commit(rows)
        if code is ExitCode.DONE and any(item.culprit in cuts for item in state.conclusions):
            code, conclusion = ExitCode.INCONCLUSIVE, f"suspect: {_CUT_OFF}"
    fix = request.find == "fix"
    failures = _evidence(seen) if repro or healed else _failures(state, rows, commits, fix=fix)
    failures = failures or _builds(rows)
    again = _rerun(request, [row.result for row in rows if not row.shared])
    document = Document(
        schema=1,
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
        cells={item.cell: _cell(item, commits, rows, unbuilt, fix=fix) for item in state.conclusions},
        repro=repro,
        fixes=healed,
        failure=next(iter(failures), None),
        failures=failures,
        culprits=_culprits(session, state, commits, trials),
        commits={
            sha: commit_info(commits[sha])
            for sha in _named(session, rows, state, native, commits)
            if sha in commits
        },
        native_changes=tuple(native),
        check=request.check if isinstance(request.check, CommandCheck) else None,
        withheld=withheld_from(request, failed=bool(failures) or _told_nothing(rows)),
        shadows=shadowed(session, shadows, again, results),
        trials=trials,
        load=load_contrasts(trials),
        cost=_cost(rows),
        versions=_versions(session, rows),
    )
    return sanitise(document, secret_values(os.environ))


def _told_nothing(rows: Sequence[TrialRow]) -> bool:
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


_CUT_OFF = f"what comes before the commit found is cut off of this shallow clone; {DEEPEN} fetches it"


_NO_PARENT = "a root commit, which has no parent to compare with"


def _noting_roots(state: State, commits: Mapping[str, Commit], cuts: Container[str]) -> State:
    """The state; a culprit without parents is noted as a root, or as cut off from its parents."""
    noted = (
        replace(item, note=joined(item.note, _CUT_OFF if item.culprit in cuts else _NO_PARENT))
        if item.culprit and not commits[item.culprit].parents
        else item
        for item in state.conclusions
    )
    return replace(state, conclusions=tuple(noted))


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
    profile = setting(session).profile
    if profile is None or not profile.build.base:
        return ()
    changed = session.repository.changed_by(commit.sha for commit in session.range.commits)
    native = {sha: native_paths(paths, profile.build) for sha, paths in changed.items()}
    return tuple(NativeChange(sha=sha, paths=paths) for sha, paths in native.items() if paths)


def sanitise(document: Document, secrets: frozenset[str]) -> Document:
    """The document with every text in it cleaned and redacted."""
    cleaned: Document = _sanitised(document, secrets)
    return cleaned


def conclude(state: State, rows: Sequence[TrialRow], unbuilt: Container[str] = ()) -> tuple[ExitCode, str]:
    """The exit code of a session and the sentence that goes with it; `unbuilt` commits change no build."""
    if state.step is not None:
        so_far = narrowed(len(state.remaining), state.disagreement)
        return ExitCode.INTERRUPTED, f"not finished: {so_far}"
    found = {item.finding for item in state.conclusions}
    if not found:
        return _nothing_ran(rows)
    if found == {Finding.GREEN}:
        return ExitCode.ENDPOINTS, "every cell is green at the bad end"
    left = [item for item in state.conclusions if item.finding is Finding.CANDIDATES]
    if left and left[0].note:
        return ExitCode.INCONCLUSIVE, f"not decided: {left[0].note}"
    if not left and (doubt := _doubt(state, unbuilt)):
        return ExitCode.INCONCLUSIVE, f"suspect: the commit found {doubt}"
    return next((answer for finding, answer in _ANSWERS.items() if finding in found), _NO_REGRESSION)


def _doubt(state: State, unbuilt: Container[str]) -> str:
    """Why a culprit is no more than suspect, other than for another failure; empty if none is."""
    if any(item.culprit in unbuilt for item in state.conclusions if item.culprit):
        return "changes nothing that is tested"
    if any(item.busy for item in state.conclusions):
        return "missed deadlines while the machine was busy"
    if any(item.unseen for item in state.conclusions):
        return "may be the wrong one, as the check imports from your checkout"
    return ""


def _one_commit(rows: Sequence[TrialRow]) -> tuple[ExitCode, str]:
    """What is to be said where there is no range to search (`bisect-run step`)."""
    result = rows[-1].result
    return (
        ExitCode.DONE,
        f"tested: {told(result.outcome, result.reason, (cell.outcome for cell in result.cells))}",
    )


# The first of these that any cell has speaks for the session.
_ANSWERS = {
    Finding.CANDIDATES: (
        ExitCode.INCONCLUSIVE,
        "the commit hides among those that could not be tested",
    ),
    Finding.SUSPECT: (
        ExitCode.INCONCLUSIVE,
        "suspect: another failure than at the bad end",
    ),
    Finding.CULPRIT: (ExitCode.DONE, "culprit found"),
    Finding.FLAKY: (ExitCode.INCONCLUSIVE, "no culprit: the failing cells are flaky"),
}
_NO_REGRESSION = (ExitCode.ENDPOINTS, "the ends do not show the regression")


def _nothing_ran(rows: Sequence[TrialRow]) -> tuple[ExitCode, str]:
    reason = next((row.result.reason for row in rows if row.result.reason), "no cell ran")
    infrastructure = any(row.result.outcome is Outcome.INFRASTRUCTURE for row in rows)
    code = ExitCode.ENVIRONMENT if infrastructure else ExitCode.ENDPOINTS
    return code, f"the bad end told nothing: {reason}"


def commit_info(commit: Commit) -> CommitInfo:
    """A commit as the document shows it."""
    return CommitInfo(
        sha=commit.sha, subject=commit.subject, author=commit.author, date=commit.date, pr=commit.pr
    )


def _on_gitlab(commit: Commit) -> Commit:
    """The commit with its merge request: there `(#N)` is an issue."""
    return replace(commit, pr=merge_request(commit.subject, commit.body))


def _named(
    session: Session,
    rows: Sequence[TrialRow],
    state: State,
    native: Sequence[NativeChange],
    commits: Mapping[str, Commit],
) -> Iterable[str]:
    """Every commit that the document speaks of, once."""
    shas = [*session.request.goods, session.request.bad, *(row.result.sha for row in rows)]
    for item in state.conclusions:
        shas += [*item.candidates, *(sha for sha, _ in item.skipped)]
        shas += commits[item.culprit].parents if item.culprit else ()
    return dict.fromkeys((*shas, *(change.sha for change in native)))


def _no_ops(session: Session, state: State, commits: Mapping[str, Commit]) -> frozenset[str]:
    """The culprits that change nothing of what is built and run: the answer is suspect then.

    Where a profile does not name the folders that run, everything in the tree may.
    """
    build = profile.build if (profile := setting(session).profile) else None
    whole = isinstance(session.request.check, ProjectCheck)  # any file can be what its tests look at
    paths = (*build.native, *build.tree) if build and build.tree and not whole else ()
    found = {item.culprit for item in state.conclusions if item.culprit}
    trees = session.repository.same_tree
    parents = {sha: commits[sha].parents for sha in found}
    return frozenset(sha for sha, before in parents.items() if before and trees(sha, before[0], paths))


def _parents(session: Session, state: State, commits: Mapping[str, Commit]) -> dict[str, Commit]:
    """The culprits' parents that lie outside the range, as far as the history has them."""
    found: dict[str, Commit] = {}
    for item in state.conclusions:
        for sha in commits[item.culprit].parents if item.culprit else ():
            if sha not in commits:
                with suppress(BisectError):
                    found[sha] = session.repository.commit(sha)
    return found


def _culprits(
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


def _cell(
    item: CellConclusion,
    commits: Mapping[str, Commit],
    rows: Sequence[TrialRow],
    unbuilt: Container[str],
    *,
    fix: bool,
) -> CellReport:
    before = _before(item.cell, commits[item.culprit].parents, rows, fix=fix) if item.culprit else None
    return CellReport(
        finding=item.finding,
        order_dependent=True if item.after else _isolated(item.cell, rows),
        after=item.after,
        left_behind=_left_behind(item, rows),
        good=_counted(item.good),
        bad=_counted(item.bad),
        culprit=commit_info(commits[item.culprit]) if item.culprit else None,
        last_good=before,
        culprit_runs=_runs(item.cell, item.culprit, rows),
        last_good_runs=_runs(item.cell, before, rows),
        broken_runs=_counted(item.broken) if item.broken else None,
        candidates=item.candidates,
        probabilities=dict(zip(item.candidates, item.probabilities, strict=False)),
        confidence=item.confidence,
        fail_rates=FailRates(bad=item.rates[0], good=item.rates[1]) if item.rates else None,
        no_op=item.culprit is not None and item.culprit in unbuilt,
        other_failure=_other_failure(item),
        signature=str(item.failure.signature) if item.failure else None,
        skipped=tuple(Skipped(sha=sha, reason=reason) for sha, reason in item.skipped),
        note=item.note,
    )


def _other_failure(item: CellConclusion) -> OtherFailureReport | None:
    other = item.other_failure
    return OtherFailureReport(found=other.found, bad_end=other.failing_end) if other else None


def _counted(counts: EndCounts) -> EndCount:
    return EndCount(runs=counts.runs, failed=counts.failed)


def _runs(cell: str, sha: str | None, rows: Sequence[TrialRow]) -> EndCount | None:
    """How often the cell passed or failed at a commit, whatever its signature."""
    if sha is None:
        return None
    here = [row.result.cell(cell) for row in rows if row.result.sha == sha]
    outcomes = [result.outcome for result in here if result is not None]
    failed = sum(outcome in RED for outcome in outcomes)
    return EndCount(runs=failed + outcomes.count(Outcome.PASSED), failed=failed)


def _isolated(cell: str, rows: Sequence[TrialRow]) -> bool | None:
    """False where the cell was run without the cells of other groups, None where nobody asked."""
    asked = any(row.purpose == Purpose.ISOLATED and row.result.cell(cell) for row in rows)
    return False if asked else None


def _left_behind(item: CellConclusion, rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """What was left by a trial in which the cell failed after the cells that it needs before it.

    Of those trials the first with the fewest cells: what is left there is of these, and not of others.
    """
    failed = [row.result for row in rows if item.after and _failed_after(row.result, item.cell, item.after)]
    fewest = min(failed, key=lambda result: len(result.cells), default=None)
    return tuple(f"{left.kind} {left.name}" for left in fewest.leftovers) if fewest else ()


def _failed_after(result: TrialResult, cell: str, after: Sequence[str]) -> bool:
    found = result.cell(cell)
    ran = {each.cell for each in result.cells}
    return found is not None and found.outcome in RED and ran.issuperset(after)


def _before(cell: str, parents: Sequence[str], rows: Sequence[TrialRow], *, fix: bool) -> str | None:
    """The parent at which the cell passed (failed, where a fix was looked for), if that was seen at all."""
    wanted = RED if fix else (Outcome.PASSED,)
    seen = {
        row.result.sha
        for row in rows
        if (result := row.result.cell(cell)) is not None and result.outcome in wanted
    }
    return next((parent for parent in parents if parent in seen), None)


def _failures(
    state: State, rows: Sequence[TrialRow], commits: Mapping[str, Commit], *, fix: bool
) -> tuple[FailureReport, ...]:
    """One for every culprit and every signature: cells with a culprit first, then by the number of cells.

    Where a fix was looked for, it is the commit before it that fails.
    """
    failed = [item for item in state.conclusions if item.failure is not None]
    failed.sort(key=lambda item: item.finding is not Finding.CULPRIT)
    alike: dict[str | None, dict[str, list[CellConclusion]]] = {}
    for item in failed:
        alike.setdefault(item.culprit, {}).setdefault(str(_of(item).signature), []).append(item)
    return tuple(
        _failure(items, signatures, rows, commits, fix=fix)
        for signatures in alike.values()
        for items in sorted(signatures.values(), key=len, reverse=True)
    )


def _failure(
    items: Sequence[CellConclusion],
    signatures: Mapping[str, Sequence[CellConclusion]],
    rows: Sequence[TrialRow],
    commits: Mapping[str, Commit],
    *,
    fix: bool,
) -> FailureReport:
    """What cells of one culprit have in common that fail with one of its signatures."""
    first = items[0]
    sha, name = first.culprit, str(_of(first).signature)
    others = (item.cell for other, cells in signatures.items() if other != name for item in cells)
    if fix and sha is not None:
        sha = _before(first.cell, commits[sha].parents, rows, fix=True)
    return _report(
        first.cell,
        sha or "",
        _of(first),
        tuple(others) if first.culprit else (),
        tuple(i.cell for i in items),
    )


def _of(item: CellConclusion) -> Failure:
    assert item.failure is not None
    return item.failure


def _evidence(found: tuple[str, str, Failure] | None) -> tuple[FailureReport, ...]:
    """Why a cell failed at a commit, where one did."""
    return () if found is None else (_report(*found),)


def _builds(rows: Sequence[TrialRow]) -> tuple[FailureReport, ...]:
    """Why commits do not build: one for every signature, with the first commit that has it."""
    found: dict[str, FailureReport] = {}
    for row in rows:
        if failure := row.result.failure:
            found.setdefault(str(failure.signature), _report(BUILD, row.result.sha, failure))
    return tuple(found.values())


def _report(
    cell: str, sha: str, failure: Failure, otherwise: tuple[str, ...] = (), cells: tuple[str, ...] = ()
) -> FailureReport:
    return FailureReport(
        cell=cell,
        sha=sha,
        root=failure.root,
        chain=failure.chain,
        excerpt=failure.excerpt,
        otherwise=otherwise,
        cells=cells or (cell,),
        signature=str(failure.signature),
        symptom=is_symptom(failure.root),
    )


def _trial(row: TrialRow) -> TrialReport:
    result = row.result
    return TrialReport(
        sha=result.sha,
        purpose=row.purpose,
        cells=tuple(cell.cell for cell in result.cells),
        outcome=result.outcome,
        outcomes={cell.cell: cell.outcome.value for cell in result.cells},
        started=result.started,
        seconds=round(result.seconds, 3),
        build_seconds=round(result.build_seconds, 3),
        environment=result.environment,
        slot=result.slot,
        leftovers=tuple(f"{item.kind} {item.name}" for item in result.leftovers),
        log=result.folder,
        reason=result.reason,
        shared=row.shared,
        exit=next((cell.failure.root.exit for cell in result.cells if cell.failure), ""),
        timeline=result.timeline,
        load=_load(result.load),
    )


def _load(load: Load | None) -> MachineLoad | None:
    if load is None:
        return None
    figures = {name: value if value is None else round(value, 3) for name, value in asdict(load).items()}
    return MachineLoad(busy=load.busy, **figures)


def _cost(rows: Sequence[TrialRow]) -> Cost:
    results = [row.result for row in rows if not row.shared]
    return Cost(
        trials=len(results),
        builds=sum(not result.environment_reused for result in results),
        seconds=round(sum(result.seconds for result in results), 3),
        wall_seconds=round(_wall(results), 3),
        gpu_seconds=round(sum(result.seconds * result.gpus for result in results), 3),
    )


def _wall(results: Sequence[TrialResult]) -> float:
    """The seconds during which at least one of these trials ran, whatever lies between them."""
    spans = sorted(
        (datetime.fromisoformat(result.started).timestamp(), result.seconds)
        for result in results
        if result.started
    )
    total, until = 0.0, float("-inf")
    for begun, seconds in spans:
        total += max(begun + seconds - max(begun, until), 0.0)
        until = max(until, begun + seconds)
    return total


def _sanitised(value: Any, secrets: frozenset[str]) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields if name not in _OUR_WORDS}
        return value.model_copy(
            update={
                name: _keys_sanitised(field, secrets) if name in _BY_CELL else _sanitised(field, secrets)
                for name, field in fields.items()
            }
        )
    if isinstance(value, str):
        return redact(clean(value), secrets)
    if isinstance(value, dict):
        return {_sanitised(key, secrets): _sanitised(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_sanitised(item, secrets) for item in value)
    return value


def _keys_sanitised(words: Mapping[str, str], secrets: frozenset[str]) -> dict[str, str]:
    return {_sanitised(key, secrets): word for key, word in words.items()}
