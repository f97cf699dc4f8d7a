"""List a cell's results at the newest commits, for the report; no decision depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.infrastructure import without_infrastructure
from bisect_tool.nightly_rules.timeline import timelines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.ci_results.observation import CellKey, Observation
    from bisect_tool.nightly_rules.timeline import CommitTrials

_COMMITS = 30


def recent(
    observations: Iterable[Observation], positions: Mapping[str, int]
) -> dict[CellKey, tuple[CommitTrials, ...]]:
    """Return the newest commits at which each cell ran, oldest first, if one of them failed."""
    found = {
        key: tuple(each for each in timeline.commits if not each.is_missing)[-_COMMITS:]
        for key, timeline in timelines(without_infrastructure(observations), positions).items()
    }
    return {key: commits for key, commits in found.items() if any(each.failed for each in commits)}
