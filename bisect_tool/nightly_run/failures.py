"""The failure chains of red cells, as the newest runs that failed show them. Pure."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CellKey
from bisect_tool.json_document.failures import failure_report
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.nightly_run.causes import name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.json_document.document import FailureReport
    from bisect_tool.json_document.nightly import NightlyCell

_RED = frozenset({CellStatus.NEW, CellStatus.STILL_RED, CellStatus.BORN_RED, CellStatus.UNDECIDED})
_NEVER = datetime.min.replace(tzinfo=UTC)


def failures(
    cells: Iterable[NightlyCell],
    observations: Iterable[Observation],
    positions: Mapping[str, int],
    explained: Collection[str] = (),
) -> tuple[FailureReport, ...]:
    """One chain for each signature, that of the most cells first.

    Args:
        cells: all of them, with their status.
        observations: the results, of which those that failed may know how.
        positions: of the commits in the history; others do not count.
        explained: the names of cells whose chain is in the report of their cause.
    """
    red = {_key(each) for each in cells if each.status in _RED}
    alike: defaultdict[str, list[Observation]] = defaultdict(list)
    for key, each in _newest(observations, positions).items():
        if key in red and name(key) not in explained:
            assert each.failure is not None
            alike[str(each.failure.signature)].append(each)
    return tuple(map(_report, sorted(alike.values(), key=len, reverse=True)))


def _key(cell: NightlyCell) -> CellKey:
    return CellKey(cell.series, cell.job, cell.shard, cell.cell, cell.environment)


def _newest(observations: Iterable[Observation], positions: Mapping[str, int]) -> dict[CellKey, Observation]:
    """Of each cell the newest failure."""
    known = [each for each in observations if each.failure and each.commit in positions]
    known.sort(key=lambda each: (positions[each.commit], each.finished or _NEVER))
    return {each.key: each for each in known}


def _report(alike: list[Observation]) -> FailureReport:
    first = alike[0]
    assert first.failure is not None
    cells = tuple(dict.fromkeys(name(each.key) for each in alike))
    return failure_report(cells[0], first.commit, first.failure, cells=cells)
