"""Render the result of a night as Markdown: its causes, and every cell that does not pass.

The text can be truncated after any line, because it has no fences and no HTML blocks.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bisect_tool.format import count, joined, short
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.failures import who
from bisect_tool.render.markdown import code, prose, table_code
from bisect_tool.render.nightly import SIGNATURES, chain_lines, passing, status_text
from bisect_tool.render.nightly_cause import headline
from bisect_tool.render.nightly_cause_markdown import facts
from bisect_tool.render.public_document import without_homes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.json_document.nightly import NightlyCell, NightlyDocument

_ROWS = 200
_CUT = "\n\n*The rest was omitted: it is too long for this page.*\n"
STATES: Final = ("new", "open", "fixed")


def nightly_markdown(night: NightlyDocument) -> str:
    """Render the night; the text ends with a newline."""
    return "\n".join(_lines(night)) + "\n"


def cut(text: str, limit: int) -> str:
    """Truncate `text` to whole lines, with a note, so that it has at most `limit` bytes."""
    if len(text.encode()) <= limit:
        return text
    room = limit - len(_CUT.encode())
    if room <= 0:
        return ""
    lines = text.encode()[:room].decode(errors="ignore").splitlines()[:-1]
    return "\n".join(lines) + _CUT


def summary(night: NightlyDocument) -> str:
    """A summary in one line: `causes of failures: 1 new, 2 fixed; 40 of 45 cells passed`."""
    states = Counter(cause.state for cause in night.causes)
    known = [f"{states[state]} {state}" for state in STATES if states[state]]
    causes = f"causes of failures: {', '.join(known)}" if known else "causes of failures: none"
    return f"{causes}; {passing(night)}"


def _lines(night: NightlyDocument) -> Iterator[str]:
    yield f"## Nightly results of {code(night.ref)} at {code(short(night.commit))}"
    yield ""
    yield f"Watch {code(without_homes(night.watch))}: {summary(night)}."
    for note in night.notes:
        yield ""
        yield f"Note: {prose(without_homes(note))}"
    for state in STATES:
        for cause in night.causes:
            if cause.state == state:
                yield ""
                yield f"### {cause.heading}: {prose(headline(cause))}"
                yield ""
                yield from facts(cause)
    yield from _failures(night)
    yield from _table(night)


def _failures(night: NightlyDocument) -> Iterator[str]:
    for failure in night.failures[:SIGNATURES]:
        yield ""
        yield f"### Why {prose(without_homes(who(failure)))} at {code(short(failure.sha))}"
        yield ""
        yield from (f"- {code(without_homes(line))}" for line in chain_lines(failure))
    if len(night.failures) > SIGNATURES:
        yield ""
        yield f"and {count(len(night.failures) - SIGNATURES, 'more signature')}."


def _table(night: NightlyDocument) -> Iterator[str]:
    shown = [cell for cell in night.cells if cell.status is not CellStatus.GREEN]
    if not shown:
        return
    yield ""
    yield "### Cells that do not pass, or were fixed"
    yield ""
    yield "| cell | status | since | culprit | reason |"
    yield "|---|---|---|---|---|"
    for cell in shown[:_ROWS]:
        yield _row(cell)
    if len(shown) > _ROWS:
        yield ""
        yield f"and {count(len(shown) - _ROWS, 'more cell')}."


def _row(cell: NightlyCell) -> str:
    rate = f", {cell.rate.failed} of {cell.rate.runs} failed" if cell.rate else ""
    since, culprit = (table_code(short(sha)) if sha else "" for sha in (cell.since, cell.culprit))
    reason = prose(without_homes(joined(cell.sentence.rstrip("."), cell.action)))
    return f"| {table_code(cell.label)} | {status_text(cell.status)}{rate} | {since} | {culprit} | {reason} |"
