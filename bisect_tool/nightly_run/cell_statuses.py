"""List the cells of a night, each with its status. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import listing, short
from bisect_tool.json_document.nightly import CommitRuns, FailureRate, NightlyCell
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rerun
from bisect_tool.nightly_rules.reason import WALK_LIMIT, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.decision import Decision
    from bisect_tool.nightly_rules.timeline import CommitTrials

_FOUND_TONIGHT = {
    Reason.STILL_RED: "Its culprit was found tonight.",
    Reason.BISECTED: "Its range was bisected tonight; several candidates remain.",
}
"""The explanation of cells whose cause is new."""


def cells(
    decisions: Mapping[CellKey, Decision],
    new: Collection[frozenset[str]],
    recent: Mapping[CellKey, tuple[CommitTrials, ...]],
) -> Iterator[NightlyCell]:
    """Yield every cell with its status.

    Args:
        decisions: the decision on each cell.
        new: the culprit or candidates of each cause found tonight.
        recent: the runs of failing cells at the newest commits.
    """
    for key, decision in sorted(decisions.items()):
        culprit = decision.culprit if isinstance(decision, Nothing) else ""
        status = decision.reason.status
        sentence = decision.reason.sentence
        suspects = _suspects(decision)
        if status is CellStatus.STILL_RED and suspects and suspects in new:
            status, sentence = CellStatus.NEW, _FOUND_TONIGHT.get(decision.reason, sentence)
        rate = decision.rate if isinstance(decision, Nothing) else None
        yield NightlyCell(
            series=key.series,
            job=key.job,
            shard=key.shard,
            cell=key.cell,
            environment=key.environment,
            status=status,
            reason=decision.reason.value,
            sentence=sentence,
            since=_since(decision),
            culprit=culprit,
            rate=None if rate is None else FailureRate(failed=rate.failed, runs=rate.runs),
            action=_action(decision),
            recent=tuple(
                CommitRuns(commit=each.commit, passed=len(each.passed), failed=len(each.failed))
                for each in recent.get(key, ())
            ),
        )


def _suspects(decision: Decision) -> frozenset[str]:
    """Return the culprit of a cell, or its remaining candidates."""
    if not isinstance(decision, Nothing):
        return frozenset()
    return frozenset({decision.culprit} if decision.culprit else decision.candidates)


def range_of(decision: Bisect) -> str:
    """Return the range of a bisection, in words if its good end is not known yet."""
    if not decision.good:
        return f"the {WALK_LIMIT} commits before {short(decision.bad)}"
    return f"{short(decision.good)}..{short(decision.bad)}"


def _since(decision: Decision) -> str:
    match decision:
        case Bisect(bad=bad):
            return bad
        case Nothing(since=since):
            return since
    return ""


def _times(number: int) -> str:
    """`once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"


def _action(decision: Decision) -> str:
    """Describe what has to be run."""
    match decision:
        case Bisect():
            return f"bisect {range_of(decision)}"
        case Rerun(runs=runs, avoid=avoid):
            where = listing([f"{short(one.commit)} {_times(one.number)}" for one in runs])
            return f"rerun {where}{f', not on {listing(avoid)}' if avoid else ''}"
    return ""
