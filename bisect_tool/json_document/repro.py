"""The result of `repro`: its models in the document, failure rates, exit code and conclusion."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.errors import ExitCode
from bisect_tool.evidence.parsed_line import LAUNCHER
from bisect_tool.evidence.timeline import RESOURCE_TRACKER
from bisect_tool.format import count, listing, short
from bisect_tool.planner import tally
from bisect_tool.stats import fisher, wilson
from bisect_tool.supervise.stress import matches_role
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.evidence import Failure
    from bisect_tool.mode import Repro
    from bisect_tool.planner import State, Tally
    from bisect_tool.trial.result import TrialResult

WHOLE_JOB = "all tests of the job"
_NAMES = 10
# Names given by the evidence reader, not by the processes themselves.
_UNNAMED = (LAUNCHER, RESOURCE_TRACKER)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignatureCount(_Model):
    """A signature and how many runs failed with it."""

    signature: str
    count: int


class Spread(_Model):
    """Duration of a cell's failing runs in seconds: median, shortest, longest."""

    median: float
    min: float
    max: float


class FailureRate(_Model):
    """How often a cell failed at a commit: `rate` between 0 and 1, null without runs.

    `low` and `high` bound the 95% Wilson interval. `inconclusive` is the reason why no run gave a result.
    """

    sha: str
    runs: int
    failed: int
    rate: float | None
    low: float
    high: float
    signatures: tuple[SignatureCount, ...]
    seconds_to_failure: Spread | None
    inconclusive: str = ""


class Reproduced(_Model):
    """One cell: its failure rate at the commit, and at the `baseline` commit if two are compared.

    `p_value` is of the two-sided Fisher's exact test: the probability of such a difference if the rates are
    equal.
    """

    rate: FailureRate
    baseline: FailureRate | None = None
    p_value: float | None = None


class Reproduction(_Model):
    """The options of `repro`, and the result for each cell; `against` is the commit compared with.

    `stress` is the kind of stress during the runs, `stress_roles` the process roles that it applied to
    (empty: all); `stress_note` says if no process had one of these roles.
    """

    runs: int
    until_fail: bool
    against: str | None
    stress: str | None = None
    stress_roles: tuple[str, ...] = ()
    stress_note: str = ""
    cells: dict[str, Reproduced]


def reproduction(mode: Repro, sha: str, trials: Sequence[TrialResult]) -> Reproduction:
    """Compute the failure rate of every cell at `sha`; of the whole job if CI reported only passes."""
    cells = dict.fromkeys(cell.cell for trial in trials for cell in trial.cells)
    if not cells and any(trial.outcome is Outcome.PASSED for trial in trials):
        cells = {WHOLE_JOB: None}
    return Reproduction(
        runs=mode.runs,
        until_fail=mode.until_fail,
        against=mode.against,
        stress=mode.stress,
        stress_roles=mode.stress_roles,
        stress_note=_stress_note(mode.stress_roles, trials),
        cells={cell: _cell(cell, sha, mode.against, trials) for cell in cells},
    )


def conclude_repro(found: Reproduction, state: State, trials: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    """The exit code of `repro` and its one-sentence conclusion."""
    if state.step is not None:
        return ExitCode.INTERRUPTED, f"not finished: {count(state.steps_left, 'run')} left"
    if not any(cell.rate.runs for cell in found.cells.values()):
        return _no_result(found, trials)
    baselines = [cell.baseline for cell in found.cells.values() if cell.baseline]
    stress_text = _stress_text(found)
    red = {name: cell.rate for name, cell in found.cells.items() if cell.rate.failed}
    if red:
        name = _most_failed(red)
        more = f", and {count(len(red) - 1, 'more cell')} failed" if len(red) > 1 else ""
        return (
            ExitCode.REGRESSION,
            f"reproduced: {name} failed in {failed_of(red[name])} runs{stress_text}{more}",
        )
    if any(rate.failed for rate in baselines):
        return ExitCode.REGRESSION, f"not reproduced: fails only at {short(found.against or '')}"
    most = max(cell.rate.runs for cell in found.cells.values())
    return ExitCode.DONE, f"not reproduced: nothing failed in {count(most, 'run')}{stress_text}"


def first_failure(
    found: Reproduction, sha: str, trials: Sequence[TrialResult]
) -> tuple[str, str, Failure] | None:
    """Return the first failure of the cell that failed most often, preferably at `sha`."""
    red = {name: cell.rate for name, cell in found.cells.items() if cell.rate.failed}
    baselines = {
        name: cell.baseline for name, cell in found.cells.items() if cell.baseline and cell.baseline.failed
    }
    name = _most_failed(red) if red else _most_failed(baselines) if baselines else ""
    results = [(trial.sha, trial.cell(name)) for trial in trials]
    results.sort(key=lambda each: each[0] != sha)
    for at, result in results:
        if result is not None and result.outcome in RED and result.failure is not None:
            return name, at, result.failure
    return None


def _cell(name: str, sha: str, against: str | None, trials: Sequence[TrialResult]) -> Reproduced:
    counts = tally(name, sha, trials)
    if against is None:
        return Reproduced(rate=_rate(sha, counts))
    baseline = tally(name, against, trials)
    comparable = counts.runs and baseline.runs
    p_value = fisher(counts.failed, counts.runs, baseline.failed, baseline.runs) if comparable else None
    return Reproduced(rate=_rate(sha, counts), baseline=_rate(against, baseline), p_value=p_value)


def _rate(sha: str, counts: Tally) -> FailureRate:
    low, high = wilson(counts.failed, counts.runs)
    spread = (
        Spread(
            median=round(median(counts.seconds), 3),
            min=round(min(counts.seconds), 3),
            max=round(max(counts.seconds), 3),
        )
        if counts.seconds
        else None
    )
    return FailureRate(
        sha=sha,
        runs=counts.runs,
        failed=counts.failed,
        rate=counts.failed / counts.runs if counts.runs else None,
        low=low,
        high=high,
        signatures=tuple(SignatureCount(signature=text, count=times) for text, times in counts.signatures),
        seconds_to_failure=spread,
        inconclusive=counts.inconclusive,
    )


def _stress_text(found: Reproduction) -> str:
    if not found.stress:
        return ""
    roles = f" for {listing(found.stress_roles)}" if found.stress_roles else ""
    return f" under --stress={found.stress}{roles}"


def _stress_note(requested: Sequence[str], trials: Sequence[TrialResult]) -> str:
    """Return a note about roles that no process had; empty for a plain command, whose roles are unknown."""
    roles = {process.role for trial in trials for process in trial.timeline} - {"", *_UNNAMED}
    missing = [name for name in requested if not any(matches_role(role, (name,)) for role in roles)]
    if not roles or not missing:
        return ""
    seen = listing(sorted({role.partition("_")[0] for role in roles}), limit=_NAMES)
    return f"no process has the role {listing(missing, limit=_NAMES)}; roles seen: {seen}"


def _no_result(found: Reproduction, trials: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    at = [trial for trial in trials if trial.sha != found.against]
    reasons = (reason for trial in at for reason in (trial.reason, *(cell.reason for cell in trial.cells)))
    reason = next((reason for reason in reasons if reason), "no cell ran")
    infrastructure = any(trial.outcome is Outcome.INFRASTRUCTURE for trial in at)
    code = ExitCode.ENVIRONMENT if infrastructure else ExitCode.INCONCLUSIVE
    return code, f"no run gave a result{' at this commit' if found.against else ''}: {reason}"


def _most_failed(rates: dict[str, FailureRate]) -> str:
    return max(rates, key=lambda name: rates[name].failed)


def failed_of(rate: FailureRate) -> str:
    """`3 of 8`."""
    return f"{rate.failed} of {rate.runs}"
