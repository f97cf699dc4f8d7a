"""Render the documents of `nightly` as text: new causes first; passing cells are only counted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bisect_tool.format import count, listing, short
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.failures import SYMPTOM, who
from bisect_tool.render.markdown import log_line
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.json_document.document import FailureReport
    from bisect_tool.json_document.nightly import Cause, NightlyCell, NightlyDocument

_CELLS = 10
SIGNATURES: Final = 4
_EVENTS = 10
_EVENT_LIMIT = 500
SHOWN = (
    (CellStatus.NEW, "New"),
    (CellStatus.FIXED, "Fixed"),
    (CellStatus.STILL_RED, "Still red"),
    (CellStatus.BORN_RED, "Never passed"),
    (CellStatus.UNDECIDED, "Undecided"),
    (CellStatus.FLAKY, "Flaky"),
    (CellStatus.INFRASTRUCTURE, "Infrastructure"),
    (CellStatus.MISSING, "Missing"),
)
"""The statuses whose cells are listed, in this order."""


def status_text(status: CellStatus) -> str:
    """Return one of these statuses as people read it, such as `never passed` (in JSON: `born red`)."""
    return dict(SHOWN)[status].lower()


def render_nights(documents: Sequence[NightlyDocument]) -> str:
    """Render the report of all watches."""
    return "\n\n".join("\n".join(_night(each)) for each in documents)


def _night(document: NightlyDocument) -> Iterator[str]:
    would = " (dry run)" if document.dry_run else ""
    yield f"{clean_line(document.watch)} at {short(document.commit)}, {clean_line(document.ref)}{would}"
    yield from (clean_line(note) for note in document.notes)
    for cause in document.causes:
        yield ""
        yield from _cause(cause)
    explained = {cell for cause in document.causes for cell in cause.cells}
    for status, title in SHOWN:
        cells = [each for each in document.cells if each.status is status and not _is_in(each, explained)]
        if cells:
            yield ""
            yield title
            yield from _by_reason(cells)
    yield from _failures(document.failures)
    yield ""
    yield passing(document)


def passing(document: NightlyDocument) -> str:
    """The number of passing cells: `40 of 45 cells passed`."""
    green, total = document.passing, document.total
    if not total:
        return "no cell has a result"
    return f"{green} of {count(total, 'cell')} passed"


def _cause(cause: Cause) -> Iterator[str]:
    yield f"{cause.heading}: {_culprit(cause)}"
    if cause.exception:
        yield f"  {clean_line(cause.exception, 200)}"
    yield from _names(list(cause.cells))
    if cause.fixed_by:
        yield f"  Fixed at {short(cause.fixed_by)}"
    if cause.note:
        yield f"  {cause.note}"
    if cause.session:
        yield f"  bisect-run report {cause.session}"


def _culprit(cause: Cause) -> str:
    if not cause.culprit:
        return f"one of {listing([short(each) for each in cause.candidates])}"
    commits = cause.document.commits if cause.document else {}
    subject = f"  {clean_line(commits[cause.culprit].subject)}" if cause.culprit in commits else ""
    return f"{short(cause.culprit)}{subject}{'' if cause.proven else ' (suspect)'}"


def _failures(failures: Sequence[FailureReport]) -> Iterator[str]:
    for failure in failures[:SIGNATURES]:
        yield ""
        yield f"Why {clean_line(who(failure), 300)} at {short(failure.sha)}"
        yield from (f"  {line}" for line in chain_lines(failure))
    if len(failures) > SIGNATURES:
        yield ""
        yield f"and {count(len(failures) - SIGNATURES, 'more signature')}: use --json for the full list"


def chain_lines(failure: FailureReport) -> Iterator[str]:
    """Yield the events of a failure chain, the root first, each in one line; then the log's URL."""
    if failure.symptom:
        yield SYMPTOM
    for event in failure.chain[:_EVENTS]:
        yield clean_line(log_line(event), _EVENT_LIMIT)
    if len(failure.chain) > _EVENTS:
        yield f"and {count(len(failure.chain) - _EVENTS, 'more event')}"
    if "://" in failure.root.source:
        yield f"log: {clean_line(failure.root.source, 300)}, line {failure.root.line}"


def _is_in(cell: NightlyCell, explained: set[str]) -> bool:
    return bool(cell.culprit) and bool({cell.cell, cell.job} & explained)


def _by_reason(cells: Sequence[NightlyCell]) -> Iterator[str]:
    for why, alike in by_reason(cells).items():
        yield f"  {why}"
        yield from _names([each.label for each in alike])


def by_reason(cells: Iterable[NightlyCell]) -> dict[str, list[NightlyCell]]:
    """Group the cells by their reason and details."""
    groups: defaultdict[str, list[NightlyCell]] = defaultdict(list)
    for cell in cells:
        details = _details(cell)
        groups[f"{cell.sentence}{f' {details}.' if details else ''}"].append(cell)
    return groups


def _details(cell: NightlyCell) -> str:
    parts = [
        cell.action,
        f"culprit {short(cell.culprit)}" if cell.culprit else "",
        f"since {short(cell.since)}" if cell.since else "",
        f"{cell.rate.failed} of {count(cell.rate.runs, 'run')} failed" if cell.rate else "",
    ]
    text = ", ".join(filter(None, parts))
    return text[:1].upper() + text[1:]


def _names(names: Sequence[str]) -> Iterator[str]:
    yield from (f"  - {clean_line(name)}" for name in names[:_CELLS])
    if len(names) > _CELLS:
        yield f"  - and {count(len(names) - _CELLS, 'more cell')}"
