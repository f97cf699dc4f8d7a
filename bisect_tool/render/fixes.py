"""Render the result of `fixes`: a table of candidates, combinations and verified commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.format import listing, percent
from bisect_tool.git.apply_edits import NOTHING_CHANGED
from bisect_tool.sanitise import clean_line
from bisect_tool.stats import false_pass_probability

if TYPE_CHECKING:
    from collections.abc import Iterator

from bisect_tool.json_document.fixes import MAX_FALSE_PASS, FixReport, FlakyCell, Tried

NOT_ALL_TRIED = "Not every combination was tried: a smaller one may also fix every cell."
_UNDECIDED = "undecided"
_NO_RESULT = "no result"
_TEXT_LIMIT = 300
_CELLS = 8
_FILES = 5
_MAX_RUNS = 100


@dataclass(frozen=True)
class TriedRow:
    """One row of the table; unknown counts are empty."""

    name: str
    fixes: str
    breaks: str
    verdict: str
    title: str


@dataclass(frozen=True)
class Note:
    """A note about an attempt: a trusted phrase (`words`), then cells, files, or git's reason."""

    name: str
    words: str
    items: tuple[str, ...]


def render_fix_report(found: FixReport) -> RenderableType:
    """Render a table of all attempts, and below it the cells they fix or break and the files in conflict."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("tried", overflow="fold")
    table.add_column("fixes", justify="right", no_wrap=True)
    table.add_column("breaks", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("description")
    for row in tried_rows(found):
        style = _VERDICT_STYLE[row.verdict]
        title = Text(clean_line(row.title, _TEXT_LIMIT), no_wrap=True, overflow="ellipsis")
        table.add_row(_text(row.name), row.fixes, row.breaks, Text(row.verdict, style), title)
    fails = _text(f"Failing cells: {listing(found.red, _CELLS) or ('none' if found.green else 'unknown')}")
    lines = [
        *map(_note_text, notes(found)),
        *map(_note_text, doubtful_cells(found)),
        *([NOT_ALL_TRIED] if found.truncated else []),
    ]
    return Group(fails, Text(), table, *(Text(line, "dim") for line in lines))


def tried_rows(found: FixReport) -> Iterator[TriedRow]:
    """Yield a row for each candidate, combination and verified commit."""
    for each in _all_tried(found):
        verdict = _verdict(each, found)
        conclusive = bool(each.sha) and verdict not in (_UNDECIDED, _NO_RESULT)
        fixes = f"{len(each.fixed)} of {len(found.red)}" if conclusive else ""
        breaks = f"{len(each.broken)} of {len(found.green)}" if conclusive else ""
        yield TriedRow(each.name, fixes, breaks, verdict, each.title)


def notes(found: FixReport) -> Iterator[Note]:
    """Yield the cells that each attempt fixes or breaks, and the files in conflict."""
    for each in _all_tried(found):
        if each.conflicts:
            yield Note(each.name, "conflicts in", each.conflicts)
        elif each.reason and each.reason != NOTHING_CHANGED:
            yield Note(each.name, "", (each.reason,))
        if each.fixed and not each.fixes_all:
            yield Note(each.name, "fixes", each.fixed)
        if each.broken:
            yield Note(each.name, "breaks", each.broken)
        if each.inconclusive:
            yield Note(each.name, "no result for", each.inconclusive)


def doubtful_cells(found: FixReport) -> Iterator[Note]:
    """Yield the flaky cells that count as fixed but may have passed by chance."""
    fixed = {cell for each in _all_tried(found) for cell in each.fixed}
    for each in found.flaky_cells:
        if each.cell in fixed and each.false_pass_probability > MAX_FALSE_PASS:
            chance = percent(each.false_pass_probability)
            passes = f"{found.runs} passes would happen {chance} of the time without a fix"
            seen = f"failed in {each.failed} of {each.runs} runs there"
            yield Note(each.cell, f"{seen}, so {passes}; use --runs {_sufficient_runs(each)}", ())


def _sufficient_runs(cell: FlakyCell) -> int:
    """Return how many passes in a row are unlikely to happen by chance."""
    return next(
        (
            more
            for more in range(2, _MAX_RUNS)
            if false_pass_probability(cell.failed, cell.runs, more) <= MAX_FALSE_PASS
        ),
        _MAX_RUNS,
    )


def _all_tried(found: FixReport) -> tuple[Tried, ...]:
    return (*found.candidates, *found.combinations, *found.verified)


_VERDICT_STYLE = {
    "conflicts": "yellow",
    "does not apply": "yellow",
    NOTHING_CHANGED: "yellow",
    "fixes all": "bold green",
    "fixes some": "green",
    "fixes nothing": "red",
    _NO_RESULT: "yellow",
    _UNDECIDED: "dim",
}


def _verdict(tried: Tried, found: FixReport) -> str:
    if not tried.sha:
        if tried.conflicts:
            return "conflicts"
        return NOTHING_CHANGED if tried.reason == NOTHING_CHANGED else "does not apply"
    if tried.fixes_all:
        return "fixes all"
    if tried.fixed:
        return "fixes some"
    if tried.red:
        return "fixes nothing"
    return _NO_RESULT if set(tried.inconclusive) & set(found.red) else _UNDECIDED


def _note_text(note: Note) -> str:
    items = listing(note.items, _FILES if note.words == "conflicts in" else _CELLS)
    return clean_line(f"{note.name}: {f'{note.words} {items}'.lstrip()}", 4 * _TEXT_LIMIT)


def _text(text: str) -> Text:
    return Text(clean_line(text, _TEXT_LIMIT))
