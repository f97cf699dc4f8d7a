"""Decide by the results of running and earlier bisections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.decision import Decision, Nothing, Wait
from bisect_tool.nightly_rules.history import History, Span
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.rerun_requests import rerun, runs_left
from bisect_tool.nightly_rules.streak import Streak, red_streaks
from bisect_tool.nightly_rules.timeline import UNKNOWN_TIME, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.timeline import CommitTrials, Timeline

_MAX_BISECTIONS = 3
"""After this many bisections without a culprit, a failure is not bisected again."""
_RED_NIGHTS = 2
"""A bisection that found no culprit is repeated once the cell has failed at this many commits since."""


@dataclass(frozen=True)
class KnownBisection:
    """A running or earlier bisection.

    Attributes:
        good: empty if it searches for a commit that passes, and has found none.
        culprits: cell -> its culprit.
        candidates: cell without a culprit -> the remaining candidates, if any.
        running: whether a process runs it.
        unfinished: whether it stopped early, and the next night resumes it.
        ended: when it ended; None if unknown, and then it is not repeated.
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
    """The result of bisections for a streak: a culprit, candidates, or neither."""

    culprit: str = ""
    candidates: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.culprit or self.candidates)


def bisected(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """Decide about a red cell by bisections of its range; None if it has to be bisected."""
    known = tuple(known)
    own = bisections_of(known, timeline, streak, history)
    if own:
        return _from_own_bisections(own, timeline, streak, history)
    matching = [each for each in known if streak.exception and each.exception == streak.exception]
    same = [each for each in matching if _span(each, streak, history).overlaps(streak.span)]
    return _wait_for_unfinished(same) or _from_other_bisections(same, timeline, streak, history)


def bisections_of(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> tuple[KnownBisection, ...]:
    """Return the bisections of a red cell in the range in which it began to fail."""
    own = (each for each in known if timeline.key in each.cells)
    return tuple(each for each in own if _span(each, streak, history).overlaps(streak.span))


def explanation(
    known: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Explanation:
    """Return the result for a streak that ended: for its last failure, or else for any."""
    own = (each for each in known if timeline.key in each.cells)
    within = [each for each in own if _span(each, streak, history).overlaps(streak.extent)]
    last = _explanation(_of_same_failure(within, streak), timeline, streak, history)
    return last or _explanation(within, timeline, streak, history)


def without_known_regressions(
    known: Iterable[KnownBisection], timeline: Timeline, commits: tuple[CommitTrials, ...], history: History
) -> tuple[CommitTrials, ...]:
    """Return the commits, except for those of streaks with a culprit, which did not fail by chance."""
    known = tuple(known)
    explained = {
        commit.commit
        for streak in red_streaks(commits)
        if explanation(known, timeline, streak, history).culprit
        for commit in streak.red
    }
    return tuple(commit for commit in commits if commit.commit not in explained)


def _from_own_bisections(
    own: Sequence[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """Decide by bisections of this cell; those of another failure do not explain this one."""
    matching, since = _of_same_failure(own, streak), streak.first.commit
    of_this = _explanation(matching, timeline, streak, history)
    if of_this.culprit:
        revert_run = _after_revert(of_this.culprit, timeline, streak, history)
        return revert_run or Nothing(Reason.STILL_RED, of_this.culprit, since)
    if wait := _wait_for_unfinished(own):
        return wait
    if not matching:
        other = _explanation(own, timeline, streak, history)
        return Nothing(Reason.OTHER_FAILURE, other.culprit, since, candidates=other.candidates)
    if of_this.candidates:
        return Nothing(Reason.BISECTED, since=since, candidates=of_this.candidates)
    return _no_culprit(matching, streak)


def _after_revert(culprit: str, timeline: Timeline, streak: Streak, history: History) -> Decision | None:
    """Rerun the revert of the culprit if the cell fails after it: that shows whether it has a new culprit."""
    revert = history.reverts.get(culprit, "")
    if history.position(revert) > streak.red[-1].position or not _may_run(timeline, revert, streak):
        return None
    return rerun(Reason.REVERTED, timeline, {revert: 1}, streak)


def _wait_for_unfinished(known: Sequence[KnownBisection]) -> Wait | None:
    """Return what to wait for, if one of these bisections has not finished."""
    if any(each.running for each in known):
        return Wait(Reason.BISECTING)
    return Wait(Reason.UNFINISHED) if any(each.unfinished for each in known) else None


def _no_culprit(matching: Sequence[KnownBisection], streak: Streak) -> Nothing | None:
    """Decide by bisections that found no culprit; None if the failure may be bisected once more."""
    since = streak.first.commit
    if streak.good is None and not any(each.good for each in matching):
        return Nothing(Reason.NO_PASS_FOUND, since=since)
    if len(matching) >= _MAX_BISECTIONS:
        return Nothing(Reason.GIVEN_UP, since=since)
    return None if _may_repeat(matching, streak) else Nothing(Reason.NO_CULPRIT, since=since)


def _of_same_failure(own: Sequence[KnownBisection], streak: Streak) -> list[KnownBisection]:
    """Return the bisections of the exception with which the cell fails at its newest commit, if known."""
    exception = streak.newest_exception
    return [each for each in own if not exception or each.exception in ("", exception)]


def _explanation(
    own: Iterable[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Explanation:
    """Return the result of the newest bisection; one whose culprit is in the streak is preferred."""
    key = timeline.key

    def order(each: KnownBisection) -> tuple[object, ...]:
        culprit, candidates = each.culprits.get(key, ""), each.candidates.get(key, ())
        inside = history.position(culprit) in streak.extent
        return bool(culprit), inside, bool(candidates), each.ended or UNKNOWN_TIME, culprit, candidates

    best = max(own, key=order, default=None)
    if best is None:
        return Explanation()
    culprit = best.culprits.get(key, "")
    return Explanation(culprit, () if culprit else best.candidates.get(key, ()))


def _may_repeat(without_culprit: Sequence[KnownBisection], streak: Streak) -> bool:
    """Whether the cell failed at enough commits after the last of these bisections."""
    ended = [each.ended for each in without_culprit if each.ended is not None]
    if len(ended) < len(without_culprit):
        return False
    nights = sum(any(time_of(trial) > max(ended) for trial in commit.failed) for commit in streak.red)
    return nights >= _RED_NIGHTS


def _from_other_bisections(
    same: list[KnownBisection], timeline: Timeline, streak: Streak, history: History
) -> Decision | None:
    """Decide about a cell that fails like others; runs at their culprit and before it test a common cause."""
    culprits = {culprit for each in same for culprit in each.culprits.values()}
    inside = sorted(culprit for culprit in culprits if history.position(culprit) in streak.span)
    for culprit in inside:
        if streak.first.commit == culprit and streak.span.good == streak.span.bad - 1:
            return Nothing(Reason.STILL_RED, culprit=culprit, since=culprit)
        unknown = [end for end in (history.predecessor(culprit), culprit) if _may_run(timeline, end, streak)]
        if unknown:
            return rerun(Reason.SAME_CAUSE, timeline, dict.fromkeys(unknown, 1), streak)
    return None


def _may_run(timeline: Timeline, commit: str, streak: Streak) -> bool:
    """Whether a commit has neither passed nor failed like the streak, and may be run."""
    at = timeline.at(commit)
    if at is None:
        return bool(commit)
    return not at.passed and not at.failed_with(streak.exception) and runs_left(timeline, commit, streak) > 0


def _span(known: KnownBisection, streak: Streak, history: History) -> Span:
    """Return the range of a bisection; if it is older than the history, that of an equally old streak."""
    if known.bad not in history.positions:
        return Span(streak.span.good, 0 if streak.good is None else streak.span.good)
    return Span(history.position(known.good), history.position(known.bad))
