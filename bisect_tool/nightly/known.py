"""What bisections found already, and those that are running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.nightly.decision import Decision, Nothing, Wait
from bisect_tool.nightly.history import History, Span
from bisect_tool.nightly.reason import Reason
from bisect_tool.nightly.reruns import rerun, runs_left
from bisect_tool.nightly.streak import Streak, red_streaks
from bisect_tool.nightly.timeline import UNKNOWN, when

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bisect_tool.nightly.timeline import CommitTrials, Timeline
    from bisect_tool.sources.observation import CellKey

_BISECTIONS = 3
"""So many bisections without a culprit are enough."""
_NIGHTS = 2
"""A bisection that found no culprit is repeated after the cell failed at so many commits since."""


@dataclass(frozen=True)
class KnownBisection:
    """A bisection that runs or ran.

    Attributes:
        good: empty if it looked for a commit that passes, and found none yet.
        culprits: the culprit of each cell that has one.
        candidates: of each other cell, the commits that are left as its culprit, if any are.
        running: whether a process runs it.
        unfinished: whether it stopped before its end, and the next night resumes it.
        ended: when it ended, or None if that is not known: then it is not repeated.
    """

    good: str
    bad: str
    cells: frozenset[CellKey]
    exception: str = ""
    culprits: Mapping[CellKey, str] = field(default_factory=dict)
    running: bool = False
    candidates: Mapping[CellKey, tuple[str, ...]] = field(default_factory=dict)
    ended: datetime | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Explanation:
    """What bisections found of a streak: a culprit, or candidates, or neither."""

    culprit: str = ""
    candidates: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.culprit or self.candidates)


def bisected(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """What follows for a red cell from bisections of its range; None if it has to be bisected."""
    known = tuple(known)
    own = bisections_of(known, timeline, streak, history)
    if own:
        return _of_own(own, timeline, streak, history)
    alike = [each for each in known if streak.exception and each.exception == streak.exception]
    same = [each for each in alike if _span(each, streak, history).overlaps(streak.span)]
    return _not_over(same) or _of_others(same, timeline, streak, history)


def bisections_of(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> tuple[KnownBisection, ...]:
    """The bisections of a red cell in the range in which it began to fail."""
    own = (each for each in known if timeline.key in each.cells)
    return tuple(each for each in own if _span(each, streak, history).overlaps(streak.span))


def explanation(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Explanation:
    """What is known of a streak that ended: of the failure that it ended with, or else of any."""
    own = (each for each in known if timeline.key in each.cells)
    within = [each for each in own if _span(each, streak, history).overlaps(streak.extent)]
    last = _explanation(_alike(within, streak), timeline, streak, history)
    return last or _explanation(within, timeline, streak, history)


def without_known_regressions(
    known: Iterable[KnownBisection], timeline: Timeline, commits: tuple[CommitTrials, ...], history: History
) -> tuple[CommitTrials, ...]:
    """The commits without streaks that have a culprit, whose failures are not chance."""
    known = tuple(known)
    explained = {
        commit.commit
        for streak in red_streaks(commits)
        if explanation(known, timeline, streak, history).culprit
        for commit in streak.red
    }
    return tuple(commit for commit in commits if commit.commit not in explained)


def _of_own(
    own: Sequence[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """What follows from bisections of this very cell: those of another failure explain nothing."""
    alike, since = _alike(own, streak), streak.first.commit
    of_this = _explanation(alike, timeline, streak, history)
    if of_this.culprit:
        again = _after_revert(of_this.culprit, timeline, streak, history)
        return again or Nothing(Reason.STILL_RED, of_this.culprit, since)
    if wait := _not_over(own):
        return wait
    if not alike:
        other = _explanation(own, timeline, streak, history)
        return Nothing(Reason.OTHER_FAILURE, other.culprit, since, candidates=other.candidates)
    if of_this.candidates:
        return Nothing(Reason.BISECTED, since=since, candidates=of_this.candidates)
    return _in_vain(alike, streak)


def _after_revert(culprit: str, timeline: Timeline, streak: Streak, history: History) -> Decision | None:
    """The run that shows whether a cell which fails after its culprit was reverted has a new one."""
    revert = history.reverts.get(culprit, "")
    if history.position(revert) > streak.red[-1].position or not _can_tell(timeline, revert, streak):
        return None
    return rerun(Reason.REVERTED, timeline, {revert: 1}, streak)


def _not_over(known: Sequence[KnownBisection]) -> Wait | None:
    """What to wait for, if one of these bisections has no end yet."""
    if any(each.running for each in known):
        return Wait(Reason.BISECTING)
    return Wait(Reason.UNFINISHED) if any(each.unfinished for each in known) else None


def _in_vain(alike: Sequence[KnownBisection], streak: Streak) -> Nothing | None:
    """What follows from bisections of a failure that found nothing; None if there may be one more."""
    since = streak.first.commit
    if streak.good is None and not any(each.good for each in alike):
        return Nothing(Reason.NO_PASS_FOUND, since=since)
    if len(alike) >= _BISECTIONS:
        return Nothing(Reason.GIVEN_UP, since=since)
    return None if _may_repeat(alike, streak) else Nothing(Reason.NO_CULPRIT, since=since)


def _alike(own: Sequence[KnownBisection], streak: Streak) -> list[KnownBisection]:
    """The bisections of what the cell fails with at its newest commit, as far as that is known."""
    now = streak.newest_exception
    return [each for each in own if not now or each.exception in ("", now)]


def _explanation(
    own: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Explanation:
    """What the newest bisection found; one whose culprit is in the streak is preferred."""
    key = timeline.key

    def order(each: KnownBisection) -> tuple[object, ...]:
        culprit, candidates = each.culprits.get(key, ""), each.candidates.get(key, ())
        inside = history.position(culprit) in streak.extent
        return bool(culprit), inside, bool(candidates), each.ended or UNKNOWN, culprit, candidates

    best = max(own, key=order, default=None)
    if best is None:
        return Explanation()
    culprit = best.culprits.get(key, "")
    return Explanation(culprit, () if culprit else best.candidates.get(key, ()))


def _may_repeat(without_culprit: Sequence[KnownBisection], streak: Streak) -> bool:
    """Whether the cell failed at enough commits since the last of these bisections ended."""
    ended = [each.ended for each in without_culprit if each.ended is not None]
    if len(ended) < len(without_culprit):
        return False
    nights = sum(any(when(trial) > max(ended) for trial in commit.failed) for commit in streak.red)
    return nights >= _NIGHTS


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
    return not at.passed and not at.failed_with(streak.exception) and runs_left(timeline, commit, streak) > 0


def _span(known: KnownBisection, streak: Streak, history: History) -> Span:
    """The range of a bisection; one older than the history is that of a streak that is as old."""
    if known.bad not in history.positions:
        return Span(streak.span.good, 0 if streak.good is None else streak.span.good)
    return Span(history.position(known.good), history.position(known.bad))
