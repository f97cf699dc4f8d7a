"""Render the final report of a session for a terminal; untrusted text passes through `clean_line`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bisect_tool.errors import ExitCode
from bisect_tool.format import count, duration, listing, percent, short
from bisect_tool.git.forge import called
from bisect_tool.render import report_view
from bisect_tool.render.bounded_tables import Row, notes, rows
from bisect_tool.render.check_warnings import render_shadows, render_withheld
from bisect_tool.render.confirmation import (
    next_search,
    revert_result,
    revert_results,
    reverts_conclusion,
    what_next,
)
from bisect_tool.render.culprits import diffstat, file_lines, merged, no_parent, parent_lines, pin_lines
from bisect_tool.render.failures import render_failures
from bisect_tool.render.fixes import render_fix_report
from bisect_tool.render.leftovers import (
    LEAKS_TITLE,
    LEFTOVERS_TITLE,
    brief,
    is_compared,
    leaks,
    listed_leftovers,
)
from bisect_tool.render.machine_load import render_load
from bisect_tool.render.repro import render_rates
from bisect_tool.render.startup import render_start_ups
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.json_document.document import Document
    from bisect_tool.json_document.tally import Tally

_LABEL_WIDTH = 11
"""The width of `Last good` and similar labels, including the space after them."""
_MESSAGE_LIMIT = 500
_LEFTOVER_LIMIT = 8
_PATH_LIMIT = 5
_CANDIDATES_SHOWN = 25
_PATH_WIDTH = 200
_COPY_LIMIT = 20_000
_NO_OP = "suspect: changes nothing that is tested"
_NATIVE_CULPRIT = "changes native files, which were not rebuilt: the compiled base is pinned"
_NOT_FINISHED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.BUG)
_FINDING_STYLE = {
    "culprit": "bold red",
    "suspect": "yellow",
    "candidates": "yellow",
    "flaky": "yellow",
    "green": "green",
}


def render_report(document: Document) -> RenderableType:
    """Render the whole report; print it with `writer.show`, which does not wrap commands and paths."""
    sections = (
        render_answer(document),
        render_cells(document),
        _candidates(document),
        render_failures(document),
        render_withheld(document.withheld),
        render_shadows(document),
        render_load(document),
        render_start_ups(document),
        _native_changes(document),
        _leftovers(document),
        _footer(document),
    )
    present = [section for section in sections if section is not None]
    return Group(*(part for section in present for part in (section, Text())))


def render_answer(document: Document) -> RenderableType:
    """Render the culprits with their last good and first bad commits; without a culprit, the conclusion."""
    grid = _pairs()
    found = report_view.culprits(document)
    for view in found:
        _culprit(grid, document, view)
        grid.add_row()
    if not found or document.exit_code != ExitCode.DONE:
        label = "So far" if document.exit_code in _NOT_FINISHED else "Result"
        sentence = clean_line(document.conclusion)
        grid.add_row(Text(label, "bold"), Text(sentence[:1].upper() + sentence[1:], "bold yellow"))
    if document.good:
        goods = listing([short(sha) for sha in document.good])
        span = f"{goods} (good) to {short(document.bad)} (bad), {count(document.candidates_total, 'commit')}"
        grid.add_row(Text("Searched", "bold"), Text(span))
    else:
        grid.add_row(Text("Tested", "bold"), _commit(document, document.bad, ""))
    grid.add_row(Text(), _text(_where(document), style="dim"))
    if known := report_view.earlier_results(document):
        grid.add_row(Text(), Text(known, "dim"))
    return grid


def render_cells(document: Document) -> RenderableType | None:
    """Render a row for each cell: failed runs at both ends, the finding, the culprit; notes below.

    For `repro` and `fixes`, render failure rates or fix candidates instead.
    """
    if document.repro is not None:
        return render_rates(document.repro)
    if document.fixes is not None:
        return render_fix_report(document.fixes)
    if not document.cells:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    file = report_view.common_file(document.cells)
    head = Text(f"cell\nin {clean_line(file, _PATH_WIDTH)}" if file else "cell")
    table.add_column(head, overflow="fold")
    table.add_column("good end", justify="right")
    table.add_column("bad end", justify="right")
    table.add_column("finding", no_wrap=True)
    table.add_column(report_view.labels(document).first.lower(), no_wrap=True)
    if document.confirmation:
        table.add_column("revert", no_wrap=True)
    shown = rows(document.cells)
    for row in shown:
        counts = ("", "") if row.more else (str(row.report.good), str(row.report.bad))
        table.add_row(
            _text(row.name.removeprefix(f"{file}::"), style="dim" if row.more else ""),
            *counts,
            _text(_finding(row), style=_FINDING_STYLE.get(row.report.finding, "")),
            Text(short(row.report.culprit.sha) if row.report.culprit else "", "red"),
            *(
                [_text(revert_result(document, row.cell) if row.cell else "")]
                if document.confirmation
                else []
            ),
        )
    all_of_them = ["use --json for the full list"] if any(row.more for row in shown) else []
    return Group(table, *(_text(note, style="dim") for note in (*all_of_them, *_notes(document))))


def _culprit(grid: Table, document: Document, view: report_view.CulpritView) -> None:
    commit, labels, forge = view.commit, report_view.labels(document), report_view.forge(document)
    label = "Suspect" if view.other_failure or view.in_doubt else labels.culprit
    grid.add_row(Text(label, "bold"), _commit(document, commit.sha, "bold red"))
    origin = f"{commit.author}, {commit.date[:10]}"
    request = "" if commit.pr is None else f"{called(commit.pr, forge)} "
    grid.add_row(Text(), _text(f"{request}by {origin}"))
    if forge:
        url = forge.commit(commit.sha) if commit.pr is None else forge.request(commit.pr)
        grid.add_row(Text(), Text(url, f"link {url}"))
    if any(document.cells[cell].no_op for cell in view.cells):
        grid.add_row(Text(), Text(_NO_OP, "yellow"))
    if other := view.other_failure:
        difference = f"fails differently here ({other.found}) than at {short(document.bad)} ({other.bad_end})"
        grid.add_row(Text(), _text(difference, style="yellow"))
    for change in report_view.native_culprits(document):
        if change.sha == commit.sha:
            grid.add_row(Text(), Text(_NATIVE_CULPRIT, "yellow"))
    _before(grid, document, view)
    first = Text(short(commit.sha), "red").append(_counts(view.at_culprit), "dim")
    grid.add_row(Text(labels.first, "bold"), first)
    grid.add_row(Text(labels.effect, "bold"), _text(listing(view.cells, limit=4)))
    _changes(grid, document, view)
    if effects := revert_results(document, commit.sha):
        what = "; ".join(f"{effect} {listing(items, limit=4)}".rstrip() for effect, items in effects)
        grid.add_row(Text("Reverted", "bold"), _text(f"on {short(document.bad)}: {what}"))
    if search := next_search(document, commit.sha):
        grid.add_row(Text("Undone by", "bold"), _commit(document, search.commit.sha, "green"))
        grid.add_row(Text(), Text(what_next(search), "yellow"))


def _before(grid: Table, document: Document, view: report_view.CulpritView) -> None:
    """Add the last good commit; for a merge every parent, for a root commit a note that it has none."""
    report, label = document.culprits.get(view.commit.sha), Text(report_view.labels(document).before, "bold")
    if report and len(report.parents) > 1:
        label = Text("Parents", "bold")
        for parent, text in parent_lines(document, report, view.cells):
            grid.add_row(label, _commit(document, parent, "green"))
            grid.add_row(Text(), Text(text, "dim"))
            label = Text()
        if text := merged(document, report):
            grid.add_row(Text(), Text(text, "bold"))
    elif view.last_good:
        grid.add_row(label, _commit(document, view.last_good, "green"))
        grid.add_row(Text(), Text(str(view.at_last_good), "dim"))
    elif report and not report.parents:
        grid.add_row(label, Text(f"none, because {no_parent(report)}"))


def _changes(grid: Table, document: Document, view: report_view.CulpritView) -> None:
    """Add the changed files and the changed version pins."""
    report = document.culprits.get(view.commit.sha)
    if report is None:
        return
    grid.add_row(Text("Changes", "bold"), _text(diffstat(report)))
    lines, more = file_lines(report)
    for path, counted in lines:
        grid.add_row(Text(), Text.assemble("  ", clean_line(path, _PATH_WIDTH), "  ", (counted, "dim")))
    if more:
        grid.add_row(Text(), Text(f"  and {count(more, 'more file')}", "dim"))
    if report.note and report.files:
        grid.add_row(Text(), _text(report.note, style="yellow"))
    pins, unshown = pin_lines(report)
    label = Text("Pins", "bold")
    for text, files in pins:
        where = f"  {clean_line(listing(files, 1), _PATH_WIDTH)}"
        grid.add_row(label, Text.assemble((clean_line(text, _PATH_WIDTH), "bold"), (where, "dim")))
        label = Text()
    if unshown:
        grid.add_row(Text(), Text(f"and {unshown} more", "dim"))


def _counts(trials: Tally) -> str:
    return f": {trials}" if trials.runs else ""


def _finding(row: Row) -> str:
    """Return a cell's finding with its confidence, which is omitted in rows for several cells."""
    report = row.report
    if report.confidence is None or row.more:
        return report.finding
    return f"{report.finding} {percent(report.confidence)}"


def _notes(document: Document) -> Iterable[str]:
    yield from notes(_cell_notes(document))
    if text := reverts_conclusion(document):
        yield f"reverts: {text}"
    skips = {skip.sha: skip.reason for report in document.cells.values() for skip in report.skipped}
    hidden = {view.sha for group in report_view.candidates(document) for view in group.candidates}
    yield from notes((f"skipped {short(sha)}", reason) for sha, reason in skips.items() if sha not in hidden)


def _cell_notes(document: Document) -> Iterable[tuple[str, str]]:
    """Yield the notes of each cell."""
    for cell, report in document.cells.items():
        if report.note:
            yield cell, report.note
        if report.prerequisites:
            yield cell, f"order-dependent, fails only after {listing(report.prerequisites, limit=4)}"
        if report.leftovers:
            yield (
                cell,
                f"left behind by the earlier cells: {listing([*map(brief, report.leftovers)], limit=4)}",
            )
        if rates := report_view.intermittent_rates(report):
            bad, good = percent(rates.bad), percent(rates.good)
            yield cell, f"fails {bad} of the time at bad commits, {good} at good ones"


def _candidates(document: Document) -> RenderableType | None:
    groups = report_view.candidates(document)
    parts: list[RenderableType] = []
    for group in groups:
        first = report_view.labels(document).first.lower()
        which = "not known yet" if document.unfinished else f"one of {len(group.candidates)}"
        title = f"The {first} commit of {listing(group.cells)} is {which}"
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, justify="right")
        grid.add_column(overflow="fold")
        for view in group.candidates[:_CANDIDATES_SHOWN]:
            reason = Text(f"could not be tested ({clean_line(view.reason, _MESSAGE_LIMIT)})", "yellow")
            subject = Text(clean_line(report_view.subject(document, view.sha), _MESSAGE_LIMIT))
            body = Group(*(line for line in (subject, reason if view.reason else None) if line))
            chance = "" if view.chance is None else percent(view.chance)
            grid.add_row(Text(short(view.sha), "yellow" if view.reason else "red"), chance, body)
        more = len(group.candidates) - _CANDIDATES_SHOWN
        rest = (
            [Text(f"  and {count(more, 'more commit')}: use --json for the full list", "dim")]
            if more > 0
            else []
        )
        parts += [_text(title, style="bold"), Padding(grid, (0, 0, 0, 2)), *rest]
    return Group(*parts) if parts else None


def _native_changes(document: Document) -> RenderableType | None:
    if not document.native_changes:
        return None
    culprits = {change.sha for change in report_view.native_culprits(document)}
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for change in document.native_changes:
        line = _text(listing(change.paths, _PATH_LIMIT))
        if change.sha in culprits:
            line.append("  <- the culprit", "bold red")
        grid.add_row(Text(short(change.sha)), line)
    title = "Commits that change native files (not rebuilt: the compiled base is pinned)"
    return Group(Text(title, "bold"), Padding(grid, (0, 0, 0, 2)))


def _leftovers(document: Document) -> RenderableType | None:
    if is_compared(document):
        title, left = LEAKS_TITLE, [str(each) for each in leaks(document)]
    else:
        title, left = LEFTOVERS_TITLE, [f"{short(sha)}  {item}" for sha, item in listed_leftovers(document)]
    if not left:
        return None
    lines = [_text(line) for line in left[:_LEFTOVER_LIMIT]]
    if len(left) > _LEFTOVER_LIMIT:
        lines.append(Text(f"and {len(left) - _LEFTOVER_LIMIT} more", "dim"))
    return Group(Text(title, "bold"), Padding(Group(*lines), (0, 0, 0, 2)))


def _footer(document: Document) -> RenderableType:
    searches = document.confirmation.searches if document.confirmation else ()
    resume = f"bisect-run resume {document.session}"
    rows = (
        ("Cost", f"{report_view.cost_summary(document)}{_cost_of_reverts(document)}"),
        ("Not examined", ", ".join(document.not_examined)),
        ("Logs", _logs(document)),
        ("Resume", resume if document.resumable else ""),
        (
            "Running",
            f"in another process; if it is interrupted, resume with: {resume}" if document.running else "",
        ),
        *(("Next search", search.rerun) for search in searches if search.rerun),
        ("Rerun", document.rerun),
        ("Same failure", document.rerun_same_failure),
        ("Report", f"bisect-run report {document.session} --markdown"),
    )
    shown = [(label, text) for label, text in rows if text]
    width = max(_LABEL_WIDTH, *(len(label) + 2 for label, _ in shown))
    return Group(*(_copyable(text, Text(label.ljust(width), "bold")) for label, text in shown))


def _cost_of_reverts(document: Document) -> str:
    if document.confirmation is None:
        return ""
    cost, reverts = document.confirmation.cost, len(document.confirmation.fixes.candidates)
    what = "revert:" if reverts == 1 else "reverts:"
    return f"; {what} {count(cost.trials, 'trial')}, {duration(cost.seconds)}"


def _logs(document: Document) -> str:
    """The common folder of all trials' logs."""
    folders = [Path(trial.log).parent for trial in document.trials if Path(trial.log).is_absolute()]
    return os.path.commonpath(folders) if folders else ""


def _where(document: Document) -> str:
    scenario = f", scenario {document.scenario}" if document.scenario else ""
    profile = f", profile {document.profile}" if document.profile else ""
    return f"{document.repo}{scenario}{profile}"


def _pairs() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _commit(document: Document, sha: str, style: str) -> Text:
    """Format a commit with its subject, linked to its web page if it has one."""
    forge = report_view.forge(document)
    link = f" link {forge.commit(sha)}" if forge else ""
    subject = clean_line(report_view.subject(document, sha), _MESSAGE_LIMIT)
    return Text.assemble((short(sha), f"{style}{link}".strip()), "  ", subject)


def _text(text: str, limit: int = 2000, *, style: str = "") -> Text:
    return Text(clean_line(text, limit), style)


def _copyable(text: str, label: Text) -> Text:
    """Format text to be copied: it is not wrapped, even if it exceeds the width."""
    line = Text(no_wrap=True, overflow="ignore")
    return line.append_text(label).append(clean_line(text, _COPY_LIMIT))
