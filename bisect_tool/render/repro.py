"""Render the failure rates and signatures that `repro` measured, as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.format import count, duration, short
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

from bisect_tool.json_document.repro import FailureRate, Reproduced, Reproduction, Spread, failed_of

_SIGNATURES = 10
_CELLS = 24
_TEXT_LIMIT = 300


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
    """A signature, and how many of a cell's runs failed with it.

    If `signature` is empty, `number` counts further signatures. `commit` is empty unless two are compared.
    """

    cell: str
    commit: str
    number: int
    signature: str = ""


@dataclass(frozen=True)
class InconclusiveRow:
    """Cells without a result at a commit, for one reason; `commit` is empty unless two are compared."""

    cells: int
    commit: str
    reason: str


def render_rates(found: Reproduction) -> RenderableType | None:
    """Render a row for each cell and commit, and their signatures below the table."""
    if not found.cells:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("cell", overflow="fold")
    if found.against:
        table.add_column("commit", no_wrap=True)
    for name in ("failed", "rate", "95% CI"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("time to failure")
    if found.against:
        table.add_column("p-value", no_wrap=True, justify="right")
    for row in rate_rows(found):
        commit, p_value = ([row.commit], [row.p]) if found.against else ([], [])
        table.add_row(_text(row.cell), *commit, row.failed, row.rate, row.interval, row.time, *p_value)
    if more := len(found.cells) - len(shown_cells(found)):
        table.add_row(Text(f"and {count(more, 'more cell')}: use --json for the full list", "dim"))
    notes = (*map(_signature, signature_rows(found)), *map(_inconclusive, inconclusive_rows(found)))
    warning = [_text(found.stress_note, "yellow")] if found.stress_note else []
    return Group(table, *(_text(note, "dim") for note in notes), *warning)


def rate_rows(found: Reproduction) -> Iterator[RateRow]:
    """Yield a row for each cell and commit; of many cells, only the first, with failing ones in front."""
    for name, cell in shown_cells(found):
        yield _row(name, cell.rate, _p(cell.p_value))
        if cell.baseline:
            yield _row("", cell.baseline, "")


def shown_cells(found: Reproduction) -> list[tuple[str, Reproduced]]:
    """The cells that have a row."""
    cells = list(found.cells.items())
    if len(cells) > _CELLS:
        cells.sort(
            key=lambda item: not item[1].rate.failed and not (item[1].baseline and item[1].baseline.failed)
        )
    return cells[:_CELLS]


def signature_rows(found: Reproduction) -> Iterator[SignatureRow]:
    """Yield each cell's signatures with their counts, the most frequent first."""
    for name, cell in shown_cells(found):
        for rate in (cell.rate, cell.baseline):
            if rate is None:
                continue
            commit = short(rate.sha) if found.against else ""
            for item in rate.signatures[:_SIGNATURES]:
                yield SignatureRow(name, commit, item.count, item.signature)
            if len(rate.signatures) > _SIGNATURES:
                yield SignatureRow(name, commit, len(rate.signatures) - _SIGNATURES)


def inconclusive_rows(found: Reproduction) -> Iterator[InconclusiveRow]:
    """Yield why cells have no rate: each reason once, with the number of cells."""
    rates = (rate for cell in found.cells.values() for rate in (cell.rate, cell.baseline) if rate)
    seen = Counter(
        (short(rate.sha) if found.against else "", rate.inconclusive) for rate in rates if rate.inconclusive
    )
    for (commit, reason), cells in seen.items():
        yield InconclusiveRow(cells, commit, reason)


def _row(cell: str, rate: FailureRate, p_value: str) -> RateRow:
    return RateRow(
        cell=cell,
        commit=short(rate.sha),
        failed=failed_of(rate) if rate.runs else "no result",
        rate="" if rate.rate is None else _percent(rate.rate),
        interval=f"{rate.low * 100:.0f} to {_percent(rate.high)}" if rate.runs else "",
        time=_span(rate.seconds_to_failure),
        p=p_value,
    )


def _span(spread: Spread | None) -> str:
    if spread is None:
        return ""
    median, shortest, longest = (duration(value) for value in (spread.median, spread.min, spread.max))
    return median if shortest == longest else f"{median} ({shortest} to {longest})"


def _percent(chance: float) -> str:
    return f"{chance * 100:.0f}%"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _signature(row: SignatureRow) -> str:
    where = f"{row.cell} at {row.commit}" if row.commit else row.cell
    if not row.signature:
        return f"{where}: and {count(row.number, 'more signature')}"
    return f"{where}: {row.number} x {row.signature}"


def _inconclusive(row: InconclusiveRow) -> str:
    where = f" at {row.commit}" if row.commit else ""
    return f"no result for {count(row.cells, 'cell')}{where}: {row.reason}"


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
