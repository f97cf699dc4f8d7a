"""A cell that fails at times since a culprit that is known: red until it passes too often for chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.nightly.decision import Nothing, Rate
from bisect_tool.nightly.history import BEFORE
from bisect_tool.nightly.reason import Reason
from bisect_tool.nightly.streak import Streak

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.nightly.history import History
    from bisect_tool.nightly.known import KnownBisection
    from bisect_tool.nightly.timeline import CommitTrials, Timeline

_BY_CHANCE = 0.05
"""Passes in a row that are less likely than this, at the failure rate since the culprit, show a fix."""
NEWS = 3
"""A fix is reported until the cell passed at so many commits more."""


@dataclass(frozen=True)
class _Since:
    """What a cell did since its culprit, as long as it was not fixed; then the commits that show the fix.

    Attributes:
        passed: the commits at which it only passed, after its last failure.
        shown: how many of them came after it passed too often for chance.
    """

    rate: Rate
    passed: tuple[CommitTrials, ...]
    shown: int


def flaky_regression(known: Sequence[KnownBisection], timeline: Timeline, history: History) -> Nothing | None:
    """The decision about a cell that passes and fails since its culprit; None if no culprit explains that."""
    failing = [commit for commit in timeline.conclusive if commit.failed]
    if not failing:
        return None
    now = Streak((), (failing[-1],)).exception
    own = [each for each in known if not now or each.exception in ("", now)]
    culprits = {each.culprits.get(timeline.key, "") for each in own}
    culprit = max(culprits, key=lambda each: (history.position(each), each), default="")
    start = history.position(culprit)
    commits = tuple(each for each in timeline.conclusive if each.position >= start)
    if start == BEFORE or not any(each.is_mixed for each in commits):
        return None
    since = _since(commits)
    if since is None or since.shown > NEWS:
        return None
    if since.shown:
        return Nothing(Reason.FIXED, culprit, since.passed[0].commit, last_red=failing[-1].commit)
    first = next(each for each in commits if each.failed)
    return Nothing(Reason.STILL_RED, culprit, first.commit, since.rate)


def _since(commits: Sequence[CommitTrials]) -> _Since | None:
    """None if it failed again after it was fixed: that has another culprit."""
    failed = runs = shown = 0
    passed: list[CommitTrials] = []
    for commit in commits:
        passed.append(commit)
        if commit.failed:
            if shown:
                return None
            failed += len(commit.failed)
            runs += sum(len(each.passed) + len(each.failed) for each in passed)
            passed = []
        elif runs and (1 - failed / runs) ** sum(len(each.passed) for each in passed) <= _BY_CHANCE:
            shown += 1
    return _Since(Rate(failed, runs), tuple(passed), shown)
