"""Render the confirmation of a bisection: the effect of reverting each culprit on the bad end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import percent
from bisect_tool.json_document.fixes import MAX_FALSE_PASS
from bisect_tool.stats import false_pass_probability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.json_document.document import Document, NextSearch
    from bisect_tool.json_document.fixes import Tried


_UNDECIDED = "undecided"


_PHRASES = {
    "fixes": "fixes",
    "still fails": "does not fix",
    "no result": "gave no result for",
    _UNDECIDED: "needs more runs for",
}


def revert_result(document: Document, cell: str) -> str:
    """Return the result of a cell after reverting its culprit on the bad end; empty if not requested."""
    culprit = document.cells[cell].culprit
    tried = _tried(document, culprit.sha) if culprit else None
    return _result_of(tried, cell) if tried else ""


def revert_results(document: Document, culprit: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the effects of a culprit's revert: `fixes` or `does not fix` cells, `conflicts in` files."""
    tried = _tried(document, culprit)
    if tried is None:
        return ()
    if not tried.sha:
        return (("conflicts in", tried.conflicts) if tried.conflicts else (tried.reason, ()),)
    cells = [cell for cell, found in document.cells.items() if found.culprit and found.culprit.sha == culprit]
    results = {cell: _result_of(tried, cell) for cell in cells}
    groups = (
        (_PHRASES[result], tuple(cell for cell in cells if results[cell] == result)) for result in _PHRASES
    )
    doubtful = _possible_false_passes(document, [cell for cell in cells if results[cell] == "fixes"])
    return (*((words, group) for words, group in groups if group), *doubtful)


def _possible_false_passes(document: Document, cells: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the cells that count as fixed but may have passed by chance."""
    times = document.confirmation.fixes.runs if document.confirmation else 0
    for cell in cells:
        runs = document.cells[cell].broken_runs
        chance = false_pass_probability(runs.failed, runs.runs, times) if runs else 0.0
        if chance > MAX_FALSE_PASS:
            doubt = f"would happen {percent(chance)} of the time without a fix"
            yield f"(passed {times} times, which {doubt})", (cell,)


def next_search(document: Document, culprit: str) -> NextSearch | None:
    """Return the search that starts at the commit which undid a culprit; None if none did."""
    searches = document.confirmation.searches if document.confirmation else ()
    return next((each for each in searches if each.culprit == culprit), None)


def what_next(search: NextSearch) -> str:
    """Return what it means that a culprit was undone before the bad end."""
    if search.rerun:
        return "the failure at the bad commit is a later one: continue the search from this commit"
    return "the failure at the bad commit is older and was hidden by the culprit"


def reverts_conclusion(document: Document) -> str:
    """Return the conclusion for all reverts together; empty if there is at most one."""
    found = document.confirmation
    return found.conclusion if found and len(found.fixes.candidates) > 1 else ""


def _tried(document: Document, culprit: str) -> Tried | None:
    if document.confirmation is None:
        return None
    return next((each for each in document.confirmation.fixes.candidates if each.commit == culprit), None)


def _result_of(tried: Tried, cell: str) -> str:
    if not tried.sha:
        return "conflicts" if tried.conflicts else tried.reason
    known = {"fixes": tried.fixed, "still fails": tried.red, "no result": tried.inconclusive}
    return next((result for result, cells in known.items() if cell in cells), _UNDECIDED)
