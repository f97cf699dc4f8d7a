"""Group cells with the same failure and range into one bisection, and postpone overlapping ranges."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.decision import Bisect, Decision, Wait
from bisect_tool.nightly_rules.history import History, Span
from bisect_tool.nightly_rules.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.ci_results.observation import CellKey

_Cause = tuple[str, str]


def grouped(decisions: Mapping[CellKey, Decision], history: History) -> dict[CellKey, Decision]:
    """Return the decisions, with bisections of one cause joined, and overlapping ones postponed."""
    causes: defaultdict[_Cause, defaultdict[tuple[str, str], list[Bisect]]]
    causes = defaultdict(lambda: defaultdict(list))
    for key, decision in decisions.items():
        if isinstance(decision, Bisect):
            causes[_cause(key, decision)][decision.good, decision.bad].append(decision)
    result = dict(decisions)
    for ranges in causes.values():
        result.update(_schedule([_join(each) for each in ranges.values()], history))
    return result


def _cause(key: CellKey, decision: Bisect) -> _Cause:
    """Return what failures of one cause have in common: the exception, or the job if none is known."""
    return (key.series, decision.exception) if decision.exception else (key.series, f"job {key.job}")


def _join(bisections: list[Bisect]) -> Bisect:
    cells = tuple(sorted(cell for each in bisections for cell in each.cells))
    trials = {each.cells[0]: each.trials for each in bisections}
    reasons = [each.reason for each in bisections if each.reason is not Reason.REGRESSION]
    return replace(
        bisections[0],
        reason=min(reasons, default=Reason.REGRESSION),
        cells=cells,
        trials=tuple(one for cell in cells for one in trials[cell]),
    )


def _schedule(bisections: list[Bisect], history: History) -> dict[CellKey, Decision]:
    """Choose the shortest ranges to bisect first; a range that overlaps one of them waits for its result."""
    spans = {each: Span(history.position(each.good), history.position(each.bad)) for each in bisections}
    tonight: list[Span] = []
    result: dict[CellKey, Decision] = {}
    for each in sorted(bisections, key=lambda one: (spans[one].bad - spans[one].good, spans[one].bad)):
        waits = any(spans[each].overlaps(other) for other in tonight)
        if not waits:
            tonight.append(spans[each])
        decision: Decision = Wait(Reason.OVERLAP) if waits else each
        result.update(dict.fromkeys(each.cells, decision))
    return result
