"""What bisections found already, and those that are running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.nightly.decision import Decision, Nothing, Wait
from bisect_tool.nightly.history import History, Span
from bisect_tool.nightly.reason import Reason
from bisect_tool.nightly.reruns import rerun, runs_left
from bisect_tool.nightly.streak import Streak, red_streaks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.nightly.timeline import CommitTrials, Timeline
    from bisect_tool.sources.observation import CellKey


@dataclass(frozen=True)
class KnownBisection:
    """A bisection that runs or ran.

    Attributes:
        culprits: the culprit of each cell that has one.
        running: whether it goes on, or can be resumed.
    """

    good: str
    bad: str
    cells: frozenset[CellKey]
    exception: str = ""
    culprits: Mapping[CellKey, str] = field(default_factory=dict)
    running: bool = False


def bisected(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """What follows for a red cell from bisections of its range; None if nothing does."""
    overlapping = [each for each in known if _span(each, streak, history).overlaps(streak.span)]
    own = [each for each in overlapping if timeline.key in each.cells]
    if own:
        return _of_own(own, timeline, streak)
    same = [each for each in overlapping if streak.exception and each.exception == streak.exception]
    if any(each.running for each in same):
        return Wait(Reason.BISECTING)
    return _of_others(same, timeline, streak, history)


def fixed_culprit(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> str:
    """The culprit of a streak that ended, or empty."""
    found = (each.culprits.get(timeline.key, "") for each in known if _overlaps(each, streak, history))
    return max(found, default="")


def without_known_regressions(
    known: Iterable[KnownBisection], timeline: Timeline, commits: tuple[CommitTrials, ...], history: History
) -> tuple[CommitTrials, ...]:
    """The commits without streaks that have a culprit, whose failures are not chance."""
    known = [each for each in known if timeline.key in each.culprits]
    explained = {
        commit.commit
        for streak in red_streaks(commits)
        if fixed_culprit(known, timeline, streak, history)
        for commit in streak.red
    }
    return tuple(commit for commit in commits if commit.commit not in explained)


def _of_own(own: list[KnownBisection], timeline: Timeline, streak: Streak) -> Decision:
    culprit = max(each.culprits.get(timeline.key, "") for each in own)
    if not culprit:
        return Wait(Reason.BISECTING) if any(each.running for each in own) else Nothing(Reason.BISECTED)
    names = {each.exception for each in own if each.culprits.get(timeline.key) == culprit}
    differs = streak.newest_exception and not names & {"", streak.newest_exception}
    return Nothing(
        Reason.OTHER_FAILURE if differs else Reason.STILL_RED, culprit=culprit, since=streak.first.commit
    )


def _of_others(
    same: list[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """What follows for a cell that fails like others: runs around their culprit show if it is its own."""
    culprits = {culprit for each in same for culprit in each.culprits.values()}
    inside = sorted(culprit for culprit in culprits if history.position(culprit) in streak.span)
    for culprit in inside:
        if streak.first.commit == culprit and streak.span.good == streak.span.bad - 1:
            return Nothing(Reason.STILL_RED, culprit=culprit, since=culprit)
        unknown = [end for end in (history.before(culprit), culprit) if _can_tell(timeline, end, streak)]
        if unknown:
            return rerun(Reason.SAME_CAUSE, timeline, dict.fromkeys(unknown, 1), streak)
    return None


def _can_tell(timeline: Timeline, commit: str, streak: Streak) -> bool:
    """Whether a commit neither passed nor failed like the streak yet, and may be run."""
    at = timeline.at(commit)
    if at is None:
        return bool(commit)
    return not at.passed and not at.failed_with(streak.exception) and runs_left(timeline, commit) > 0


def _overlaps(known: KnownBisection, streak: Streak, history: History) -> bool:
    return _span(known, streak, history).overlaps(streak.span)


def _span(known: KnownBisection, streak: Streak, history: History) -> Span:
    """The range of a bisection; one older than the history is that of a streak that is as old."""
    if known.bad not in history.positions:
        return Span(streak.span.good, 0 if streak.good is None else streak.span.good)
    return Span(history.position(known.good), history.position(known.bad))
