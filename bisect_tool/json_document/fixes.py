"""The result of `fixes`: its models in the document, its composition, exit code and conclusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.errors import ExitCode
from bisect_tool.format import listing, short
from bisect_tool.planner.fix_evaluation import CellStatus, FixEvaluation
from bisect_tool.planner.fixes import smallest_fix
from bisect_tool.stats import false_pass_probability
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.evidence import Failure
    from bisect_tool.git import Range
    from bisect_tool.mode import FixCommit, Fixes
    from bisect_tool.planner import FixGoal, State
    from bisect_tool.trial.result import TrialResult

MAX_FALSE_PASS = 0.05


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tried(_Model):
    """A fix candidate, a combination of candidates, or a verified commit.

    `parts` are the candidates' names. `sha` is the commit that was run; it is empty if they do not apply:
    then `conflicts` has the files and `reason` the cause. Of the cells that fail at the failing commit,
    `fixed` pass here and `red` still fail; of those that pass there, `broken` fail here; `inconclusive` gave
    no result. `commit` is the commit that a single candidate reverts or cherry-picks.
    """

    name: str
    title: str
    parts: tuple[str, ...] = ()
    sha: str = ""
    conflicts: tuple[str, ...] = ()
    reason: str = ""
    fixes_all: bool = False
    fixed: tuple[str, ...] = ()
    red: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    commit: str = ""


class FlakyCell(_Model):
    """A cell that failed in `failed` of `runs` at the failing commit, and passed in the others.

    `false_pass_probability` is the probability that it passes often enough to count as fixed, without a fix.
    """

    cell: str
    runs: int
    failed: int
    false_pass_probability: float


class FixReport(_Model):
    """What `fixes` tried on the failing commit; there `red` fail, `green` pass and `flaky_cells` do both.

    A cell passes if it passed `runs` times. `smallest` is the smallest set of candidates that fixes every
    cell; `truncated`: not every combination that this requires was tried.
    """

    runs: int
    red: tuple[str, ...]
    green: tuple[str, ...]
    candidates: tuple[Tried, ...]
    combinations: tuple[Tried, ...]
    verified: tuple[Tried, ...]
    smallest: tuple[str, ...] = ()
    truncated: bool = False
    flaky_cells: tuple[FlakyCell, ...] = ()


def fix_report(mode: Fixes, goal: FixGoal, span: Range, results: Sequence[TrialResult]) -> FixReport:
    """Evaluate every candidate from the trials."""
    evaluation = FixEvaluation(goal, results)
    found = smallest_fix(evaluation)
    titles = {commit.sha: commit.subject for commit in span.commits}
    tried = [_tried(evaluation, mode, fix_commit) for fix_commit in mode.fix_commits]
    ran = {result.sha for result in results}
    verified = (
        _with_status(evaluation, Tried(name=short(sha), title=titles[sha], sha=sha)) for sha in mode.verify
    )
    return FixReport(
        runs=goal.runs,
        red=evaluation.red,
        green=evaluation.green,
        candidates=tuple(each for each in tried if len(each.parts) == 1),
        combinations=tuple(
            each for each in tried if len(each.parts) > 1 and (each.sha in ran or each.reason)
        ),
        verified=tuple(verified),
        smallest=tuple(mode.candidates[part].name for part in sorted(found.parts)) if found else (),
        truncated=found.cut if found else False,
        flaky_cells=tuple(_flaky_cells(evaluation)),
    )


def conclude_fixes(
    found: FixReport, bad: str, state: State, results: Sequence[TrialResult]
) -> tuple[ExitCode, str]:
    """The exit code of `fixes` and its one-sentence conclusion."""
    if not found.verified and not any(each.sha for each in found.candidates):
        return ExitCode.INCONCLUSIVE, "no candidate applies to the failing commit, so nothing was run"
    if not state.over:
        return ExitCode.INTERRUPTED, "not finished: not all candidates were tested"
    if not found.red:
        return _not_red(found, bad, results)
    if found.smallest:
        also = f"; also: {listing(others)}" if (others := _others(found)) else ""
        return ExitCode.DONE, f"fixed by: {listing(found.smallest, limit=len(found.smallest))}{also}"
    if fixed := [each.name for each in found.verified if each.fixes_all]:
        return ExitCode.DONE, f"fixed at {listing(fixed)}"
    return ExitCode.INCONCLUSIVE, "no tested combination fixes every failing cell"


def first_failure(
    found: FixReport, bad: str, results: Sequence[TrialResult]
) -> tuple[str, str, Failure] | None:
    """The first failure at the failing commit, as (cell, sha, evidence)."""
    at = (cell for result in results if result.sha == bad for cell in result.cells if cell.cell in found.red)
    failed = next((cell for cell in at if cell.outcome in RED and cell.failure is not None), None)
    return (failed.cell, bad, failed.failure) if failed and failed.failure else None


def _flaky_cells(evaluation: FixEvaluation) -> Iterator[FlakyCell]:
    for cell in evaluation.red:
        counts = evaluation.seen(cell)
        if counts.failed < counts.runs:
            chance = false_pass_probability(counts.failed, counts.runs, evaluation.goal.runs)
            yield FlakyCell(cell=cell, runs=counts.runs, failed=counts.failed, false_pass_probability=chance)


def _tried(evaluation: FixEvaluation, mode: Fixes, fix_commit: FixCommit) -> Tried:
    chosen = [mode.candidates[part] for part in fix_commit.parts]
    names = tuple(candidate.name for candidate in chosen)
    row = Tried(
        name=" + ".join(names),
        title=chosen[0].title if len(chosen) == 1 else "",
        parts=names,
        sha=fix_commit.sha,
        conflicts=fix_commit.conflicts,
        reason=fix_commit.why,
        commit=chosen[0].commit if len(chosen) == 1 else "",
    )
    return _with_status(evaluation, row) if fix_commit.sha else row


def _with_status(evaluation: FixEvaluation, row: Tried) -> Tried:
    def cells(among: Sequence[str], status: CellStatus) -> tuple[str, ...]:
        return tuple(cell for cell in among if evaluation.status(row.sha, cell) is status)

    return row.model_copy(
        update={
            "fixes_all": evaluation.fixes_all(row.sha),
            "fixed": evaluation.fixed(row.sha),
            "red": cells(evaluation.red, CellStatus.FAILS),
            "broken": evaluation.broken(row.sha),
            "inconclusive": cells((*evaluation.red, *evaluation.green), CellStatus.INCONCLUSIVE),
        }
    )


def _others(found: FixReport) -> list[str]:
    """Other candidates and commits that fix every cell, besides the smallest set."""
    tried = (*found.candidates, *found.combinations)
    others = [each.name for each in tried if each.fixes_all and not set(found.smallest) <= set(each.parts)]
    return [*others, *(f"{each.name} unchanged" for each in found.verified if each.fixes_all)]


def _not_red(found: FixReport, bad: str, results: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    if found.green:
        return ExitCode.ENDPOINTS, f"all cells pass at {short(bad)}: nothing to fix"
    reason = next((result.reason for result in results if result.reason), "no cell ran")
    infrastructure_failed = any(result.outcome is Outcome.INFRASTRUCTURE for result in results)
    code = ExitCode.ENVIRONMENT if infrastructure_failed else ExitCode.ENDPOINTS
    return code, f"no result at the failing commit: {reason}"
