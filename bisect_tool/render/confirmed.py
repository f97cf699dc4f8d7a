"""Render the confirmation of a bisection: what reverting each culprit on the bad end did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import percent
from bisect_tool.results.fixes import DOUBTFUL
from bisect_tool.stats import false_pass_probability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.results.document import Document, NextSearch
    from bisect_tool.results.fixes import Tried


_OPEN = "undecided"


_OF_CELLS = {
    "fixes": "fixes",
    "still fails": "does not fix",
    "no result": "gave no result for",
    _OPEN: "needs more runs for",
}


def reverted(document: Document, cell: str) -> str:
    """Return the result of a cell after reverting its culprit on the bad end; empty if not requested."""
    culprit = document.cells[cell].culprit
    tried = _tried(document, culprit.sha) if culprit else None
    return _said(tried, cell) if tried else ""


def became(document: Document, culprit: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what a culprit's revert did: `fixes`, `does not fix` cells; `conflicts in` files."""
    tried = _tried(document, culprit)
    if tried is None:
        return ()
    if not tried.sha:
        return (("conflicts in", tried.conflicts) if tried.conflicts else (tried.reason, ()),)
    cells = [cell for cell, found in document.cells.items() if found.culprit and found.culprit.sha == culprit]
    said = {cell: _said(tried, cell) for cell in cells}
    groups = ((_OF_CELLS[word], tuple(cell for cell in cells if said[cell] == word)) for word in _OF_CELLS)
    lucky = _by_luck(document, [cell for cell in cells if said[cell] == "fixes"])
    return (*((words, group) for words, group in groups if group), *lucky)


def _by_luck(document: Document, cells: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The cells that count as fixed but may have passed by chance."""
    times = document.confirmation.fixes.runs if document.confirmation else 0
    for cell in cells:
        runs = document.cells[cell].broken_runs
        chance = false_pass_probability(runs.failed, runs.runs, times) if runs else 0.0
        if chance > DOUBTFUL:
            often = f"would happen {percent(chance)} of the time without a fix"
            yield f"(passed {times} times, which {often})", (cell,)


def taken_back(document: Document, culprit: str) -> NextSearch | None:
    """Return the search after the commit that undid a culprit before the bad end; None without one."""
    searches = document.confirmation.searches if document.confirmation else ()
    return next((each for each in searches if each.culprit == culprit), None)


def what_next(search: NextSearch) -> str:
    """Return what follows from a culprit that was undone before the bad end."""
    if search.rerun:
        return "the failure at the bad commit came later: continue the search from there"
    return "the failure at the bad commit is older and was hidden by the culprit"


def together(document: Document) -> str:
    """Return the result of all reverts in a sentence; empty if there is at most one."""
    found = document.confirmation
    return found.conclusion if found and len(found.fixes.candidates) > 1 else ""


def _tried(document: Document, culprit: str) -> Tried | None:
    if document.confirmation is None:
        return None
    return next((each for each in document.confirmation.fixes.candidates if each.commit == culprit), None)


def _said(tried: Tried, cell: str) -> str:
    if not tried.sha:
        return "conflicts" if tried.conflicts else tried.reason
    known = {"fixes": tried.fixed, "still fails": tried.red, "no result": tried.inconclusive}
    return next((word for word, cells in known.items() if cell in cells), _OPEN)
