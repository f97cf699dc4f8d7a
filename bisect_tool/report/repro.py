"""How often it fails: what `repro` has to tell, as a part of the JSON document and as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.campaign import tally
from bisect_tool.errors import ExitCode
from bisect_tool.evidence.parsed_line import LAUNCHER
from bisect_tool.evidence.timeline import RESOURCE_TRACKER
from bisect_tool.report.phrase import count, duration, listing, short
from bisect_tool.search.intervals import fisher, wilson
from bisect_tool.supervise.stress import is_one
from bisect_tool.text import clean_line
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.campaign import State, Tally
    from bisect_tool.evidence import Failure
    from bisect_tool.request import Repetition
    from bisect_tool.trial.result import TrialResult

_SIGNATURES = 10
_CELLS = 24
_TEXT_LIMIT = 300
_NAMES = 10
# Not what these processes call themselves: the evidence calls them so.
_UNNAMED = (LAUNCHER, RESOURCE_TRACKER)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignatureCount(_Model):
    """A signature and how many runs failed with it."""

    signature: str
    count: int


class Spread(_Model):
    """Seconds that the failing runs of a cell took: the median, the shortest, the longest."""

    median: float
    least: float
    most: float


class FailureRate(_Model):
    """How often a cell failed at a commit: between 0 and 1, null without runs.

    `low` and `high` are the ends of the Wilson interval that holds the true rate with 95 %.
    `untold` is why no run told anything, such as the reason of a skip.
    """

    sha: str
    runs: int
    failed: int
    rate: float | None
    low: float
    high: float
    signatures: tuple[SignatureCount, ...]
    seconds_to_failure: Spread | None
    untold: str = ""


class Reproduced(_Model):
    """One cell: its rate at the commit, and beside it that at the other one, where two are compared.

    `p_value` is that of Fisher's exact test, two-sided: how likely it is to see rates this far apart where
    there is one rate.
    """

    here: FailureRate
    there: FailureRate | None = None
    p_value: float | None = None


class Reproduction(_Model):
    """What was asked, and the answer for each cell by its id; `against` is the commit compared with.

    `stress` is the pressure that the runs were under, `stress_roles` whom it was meant for, if not for all;
    `stress_note` says so where no process of any run had one of these roles.
    """

    runs: int
    until_fail: bool
    against: str | None
    stress: str | None = None
    stress_roles: tuple[str, ...] = ()
    stress_note: str = ""
    cells: dict[str, Reproduced]


@dataclass(frozen=True)
class RateRow:
    """One row of the table; that of the commit compared with has no `cell` and no `p`."""

    cell: str
    commit: str
    failed: str
    rate: str
    interval: str
    time: str
    p: str


@dataclass(frozen=True)
class SignatureRow:
    """A signature and how many of a cell's runs failed with it; without one, how many more there are.

    `commit` is empty unless two are compared.
    """

    cell: str
    commit: str
    number: int
    signature: str = ""


@dataclass(frozen=True)
class UntoldRow:
    """How many cells told nothing at a commit for one reason; `commit` is empty unless two are compared."""

    cells: int
    commit: str
    reason: str


def reproduction(asked: Repetition | None, sha: str, trials: Sequence[TrialResult]) -> Reproduction | None:
    """What the trials say of every cell at `sha`; None where nothing was to be repeated."""
    if asked is None:
        return None
    cells = dict.fromkeys(cell.cell for trial in trials for cell in trial.cells)
    return Reproduction(
        runs=asked.runs,
        until_fail=asked.until_fail,
        against=asked.against,
        stress=asked.stress,
        stress_roles=asked.stress_roles,
        stress_note=_stress_note(asked.stress_roles, trials),
        cells={cell: _cell(cell, sha, asked.against, trials) for cell in cells},
    )


def concluded(found: Reproduction, state: State, trials: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    """The exit code of such a session, and the sentence that goes with it."""
    if state.step is not None:
        return ExitCode.INTERRUPTED, f"not finished: {count(state.steps_left, 'run')} left"
    if not any(cell.here.runs for cell in found.cells.values()):
        return _nothing_told(found, trials)
    there = [cell.there for cell in found.cells.values() if cell.there]
    under = _under(found)
    red = {name: cell.here for name, cell in found.cells.items() if cell.here.failed}
    if red:
        name = _reddest(red)
        more = f", and {count(len(red) - 1, 'more cell')} failed" if len(red) > 1 else ""
        return ExitCode.REGRESSION, f"reproduced: {name} failed in {_failed(red[name])} runs{under}{more}"
    if any(rate.failed for rate in there):
        return ExitCode.REGRESSION, f"not reproduced here: it fails at {short(found.against or '')} alone"
    most = max(cell.here.runs for cell in found.cells.values())
    return ExitCode.DONE, f"not reproduced: nothing failed in {count(most, 'run')}{under}"


def first_failure(
    found: Reproduction, sha: str, trials: Sequence[TrialResult]
) -> tuple[str, str, Failure] | None:
    """The first evidence there is: of the cell that failed most often, rather at `sha` than at the other."""
    red = {name: cell.here for name, cell in found.cells.items() if cell.here.failed}
    there = {name: cell.there for name, cell in found.cells.items() if cell.there and cell.there.failed}
    name = _reddest(red) if red else _reddest(there) if there else ""
    results = [(trial.sha, trial.cell(name)) for trial in trials]
    results.sort(key=lambda each: each[0] != sha)
    for at, result in results:
        if result is not None and result.outcome in RED and result.failure is not None:
            return name, at, result.failure
    return None


def render_rates(found: Reproduction) -> RenderableType | None:
    """A row for each cell and commit, and below it with what signatures they failed."""
    if not found.cells:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("cell", overflow="fold")
    if found.against:
        table.add_column("commit", no_wrap=True)
    for name in ("failed", "rate", "95 % interval"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("time to failure", no_wrap=True)
    if found.against:
        table.add_column("p", no_wrap=True, justify="right")
    for row in rate_rows(found):
        commit, p_value = ([row.commit], [row.p]) if found.against else ([], [])
        table.add_row(_text(row.cell), *commit, row.failed, row.rate, row.interval, row.time, *p_value)
    if more := len(found.cells) - len(shown_cells(found)):
        table.add_row(Text(f"and {count(more, 'more cell')}: --json has all", "dim"))
    notes = (*map(_signature, signature_rows(found)), *map(_untold, untold_rows(found)))
    warning = [_text(found.stress_note, "yellow")] if found.stress_note else []
    return Group(table, *(_text(note, "dim") for note in notes), *warning)


def rate_rows(found: Reproduction) -> Iterator[RateRow]:
    """A row for each cell and commit; of many cells for the first ones, those that failed before others."""
    for name, cell in shown_cells(found):
        yield _row(name, cell.here, _p(cell.p_value))
        if cell.there:
            yield _row("", cell.there, "")


def shown_cells(found: Reproduction) -> list[tuple[str, Reproduced]]:
    """The cells that have a row."""
    cells = list(found.cells.items())
    if len(cells) > _CELLS:
        cells.sort(key=lambda item: not item[1].here.failed and not (item[1].there and item[1].there.failed))
    return cells[:_CELLS]


def signature_rows(found: Reproduction) -> Iterator[SignatureRow]:
    """Each cell's signatures with their counts, the most frequent first."""
    for name, cell in shown_cells(found):
        for rate in (cell.here, cell.there):
            if rate is None:
                continue
            commit = short(rate.sha) if found.against else ""
            for item in rate.signatures[:_SIGNATURES]:
                yield SignatureRow(name, commit, item.count, item.signature)
            if len(rate.signatures) > _SIGNATURES:
                yield SignatureRow(name, commit, len(rate.signatures) - _SIGNATURES)


def untold_rows(found: Reproduction) -> Iterator[UntoldRow]:
    """Why cells have no rate: each reason once, with the number of cells."""
    rates = (rate for cell in found.cells.values() for rate in (cell.here, cell.there) if rate)
    seen = Counter((short(rate.sha) if found.against else "", rate.untold) for rate in rates if rate.untold)
    for (commit, reason), cells in seen.items():
        yield UntoldRow(cells, commit, reason)


def _cell(name: str, sha: str, against: str | None, trials: Sequence[TrialResult]) -> Reproduced:
    here = tally(name, sha, trials)
    if against is None:
        return Reproduced(here=_rate(sha, here))
    there = tally(name, against, trials)
    told = here.runs and there.runs
    p_value = fisher(here.failed, here.runs, there.failed, there.runs) if told else None
    return Reproduced(here=_rate(sha, here), there=_rate(against, there), p_value=p_value)


def _rate(sha: str, seen: Tally) -> FailureRate:
    low, high = wilson(seen.failed, seen.runs)
    spread = (
        Spread(
            median=round(median(seen.seconds), 3),
            least=round(min(seen.seconds), 3),
            most=round(max(seen.seconds), 3),
        )
        if seen.seconds
        else None
    )
    return FailureRate(
        sha=sha,
        runs=seen.runs,
        failed=seen.failed,
        rate=seen.failed / seen.runs if seen.runs else None,
        low=low,
        high=high,
        signatures=tuple(SignatureCount(signature=text, count=times) for text, times in seen.signatures),
        seconds_to_failure=spread,
        untold=seen.untold,
    )


def _under(found: Reproduction) -> str:
    if not found.stress:
        return ""
    whom = f" of {listing(found.stress_roles)}" if found.stress_roles else ""
    return f" under --stress {found.stress}{whom}"


def _stress_note(asked: Sequence[str], trials: Sequence[TrialResult]) -> str:
    """What names were there instead of those that no process had; of a plain command none are known."""
    roles = {process.role for trial in trials for process in trial.timeline} - {"", *_UNNAMED}
    absent = [name for name in asked if not any(is_one(role, (name,)) for role in roles)]
    if not roles or not absent:
        return ""
    there = listing(sorted({role.partition("_")[0] for role in roles}), limit=_NAMES)
    return f"no process called itself {listing(absent, limit=_NAMES)}; there were {there}"


def _nothing_told(found: Reproduction, trials: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    at = [trial for trial in trials if trial.sha != found.against]
    reasons = (reason for trial in at for reason in (trial.reason, *(cell.reason for cell in trial.cells)))
    reason = next((reason for reason in reasons if reason), "no cell ran")
    infrastructure = any(trial.outcome is Outcome.INFRASTRUCTURE for trial in at)
    code = ExitCode.ENVIRONMENT if infrastructure else ExitCode.INCONCLUSIVE
    return code, f"no run told anything{' at this commit' if found.against else ''}: {reason}"


def _reddest(rates: dict[str, FailureRate]) -> str:
    return max(rates, key=lambda name: rates[name].failed)


def _failed(rate: FailureRate) -> str:
    return f"{rate.failed} of {rate.runs}"


def _row(cell: str, rate: FailureRate, p_value: str) -> RateRow:
    return RateRow(
        cell=cell,
        commit=short(rate.sha),
        failed=_failed(rate),
        rate="" if rate.rate is None else _percent(rate.rate),
        interval=f"{rate.low * 100:.0f} to {_percent(rate.high)}" if rate.runs else "",
        time=_span(rate.seconds_to_failure),
        p=p_value,
    )


def _span(spread: Spread | None) -> str:
    if spread is None:
        return ""
    median, least, most = (duration(value) for value in (spread.median, spread.least, spread.most))
    return median if least == most else f"{median} ({least} to {most})"


def _percent(chance: float) -> str:
    return f"{chance * 100:.0f} %"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _signature(row: SignatureRow) -> str:
    where = f"{row.cell} at {row.commit}" if row.commit else row.cell
    if not row.signature:
        return f"{where}: and {count(row.number, 'more signature')}"
    return f"{where}: {row.number} x {row.signature}"


def _untold(row: UntoldRow) -> str:
    where = f" at {row.commit}" if row.commit else ""
    return f"{count(row.cells, 'cell')} told nothing{where}: {row.reason}"


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
