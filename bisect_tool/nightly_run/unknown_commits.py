"""Results at commits outside the history: the clone was not fetched, or the branch was rewritten. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE
from bisect_tool.nightly_rules.timeline import UNKNOWN_TIME, time_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bisect_tool.ci_results.observation import Observation

_NEWEST = 3
"""A build or two may be of commits that were pushed after the clone was fetched."""


def unknown_commits(observed: Iterable[Observation], history: Collection[str]) -> tuple[str, ...]:
    """Return the commits with results that are not in the history."""
    return tuple(dict.fromkeys(each.commit for each in observed if each.commit not in history))


def is_behind(observed: Iterable[Observation], history: Collection[str]) -> bool:
    """Whether the commits with the newest results are all missing from the history."""
    timed = [each for each in observed if each.state in CONCLUSIVE and time_of(each) != UNKNOWN_TIME]
    newest = list(dict.fromkeys(each.commit for each in sorted(timed, key=time_of, reverse=True)))[:_NEWEST]
    return len(newest) == _NEWEST and not any(each in history for each in newest)
