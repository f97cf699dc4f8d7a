"""The cells of a night: the status that each decision stands for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import count, listing, short
from bisect_tool.nightly.decision import Bisect, Nothing, Rerun
from bisect_tool.nightly.reason import Reason
from bisect_tool.results.nightly import CellStatus, FailureRate, NightlyCell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bisect_tool.nightly.decision import Decision
    from bisect_tool.sources.observation import CellKey

_STATUS = {
    Reason.REGRESSION: CellStatus.NEW,
    Reason.OTHER_REGRESSION: CellStatus.NEW,
    Reason.REPEATED: CellStatus.STILL_RED,
    Reason.GREEN: CellStatus.GREEN,
    Reason.PASSED_AGAIN: CellStatus.GREEN,
    Reason.FLAKY: CellStatus.FLAKY,
    Reason.ENVIRONMENT: CellStatus.INFRASTRUCTURE,
    Reason.INFRASTRUCTURE: CellStatus.INFRASTRUCTURE,
    Reason.SICK_AGENT: CellStatus.INFRASTRUCTURE,
    Reason.FIXED: CellStatus.FIXED,
    Reason.STILL_RED: CellStatus.STILL_RED,
    Reason.OTHER_FAILURE: CellStatus.STILL_RED,
    Reason.BISECTED: CellStatus.STILL_RED,
    Reason.NO_CULPRIT: CellStatus.STILL_RED,
    Reason.GIVEN_UP: CellStatus.STILL_RED,
    Reason.NEVER_GREEN: CellStatus.STILL_RED,
    Reason.NO_PASS_FOUND: CellStatus.STILL_RED,
    Reason.NO_PASS_KNOWN: CellStatus.STILL_RED,
    Reason.BORN_RED: CellStatus.BORN_RED,
    Reason.GONE: CellStatus.MISSING,
}
"""Every other reason leaves it undecided."""


def cells(decisions: Mapping[CellKey, Decision], new_culprits: Collection[str]) -> Iterator[NightlyCell]:
    """Every cell with its status; red ones are new if their culprit was found tonight."""
    for key, decision in sorted(decisions.items()):
        culprit = decision.culprit if isinstance(decision, Nothing) else ""
        status = _STATUS.get(decision.reason, CellStatus.UNDECIDED)
        if status is CellStatus.STILL_RED and culprit and culprit in new_culprits:
            status = CellStatus.NEW
        rate = decision.rate if isinstance(decision, Nothing) else None
        yield NightlyCell(
            series=key.series,
            job=key.job,
            shard=key.shard,
            cell=key.cell,
            environment=key.environment,
            status=status,
            reason=decision.reason.value,
            sentence=decision.reason.sentence,
            since=_since(decision),
            culprit=culprit,
            rate=None if rate is None else FailureRate(failed=rate.failed, runs=rate.runs),
            action=_action(decision),
        )


def range_of(decision: Bisect) -> str:
    """The range of a bisection, in words if its good end has to be found first."""
    if not decision.good:
        return f"the commits before {short(decision.bad)}"
    return f"{short(decision.good)}..{short(decision.bad)}"


def _since(decision: Decision) -> str:
    match decision:
        case Bisect(bad=bad):
            return bad
        case Nothing(since=since):
            return since
    return ""


def _action(decision: Decision) -> str:
    """What has to be run, in words."""
    match decision:
        case Bisect():
            return f"bisect {range_of(decision)}"
        case Rerun(runs=runs, avoid=avoid):
            where = listing([f"{short(one.commit)} {count(one.number, 'time')}" for one in runs])
            return f"rerun {where}{f', not on {listing(avoid)}' if avoid else ''}"
    return ""
