"""Decide what to do about each cell. The order of the rules matters.

Infrastructure is considered before code, flaky before fixed, and known causes before new ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State
from bisect_tool.nightly_rules.decision import Bisect, Decision, Nothing, Wait
from bisect_tool.nightly_rules.earlier_bisections import (
    KnownBisection,
    bisected,
    bisections_of,
    explanation,
    without_known_regressions,
)
from bisect_tool.nightly_rules.flaky_regression import REPORTED_COMMITS, flaky_regression
from bisect_tool.nightly_rules.gone_cells import gone_cells
from bisect_tool.nightly_rules.grouping import grouped
from bisect_tool.nightly_rules.history import History
from bisect_tool.nightly_rules.infrastructure import without_infrastructure
from bisect_tool.nightly_rules.new_cells import new_cells
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.rerun_requests import rerun
from bisect_tool.nightly_rules.sick_agents import sick_agent_of
from bisect_tool.nightly_rules.streak import Streak, ended_streak, newest_streak
from bisect_tool.nightly_rules.sufficiency import failures_needed, is_environment, missing_evidence
from bisect_tool.nightly_rules.timeline import CommitTrials, Timeline, rate, timelines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.ci_results.observation import CellKey, Observation
    from bisect_tool.nightly_rules.decision import KnownTrials

_BORN_RED = 2
"""Commits at which a new cell must fail to count as born red."""
_OTHER_FAILURE = 2
"""Commits at which a cell must fail differently to count as a second regression."""
_NEVER_GREEN = 3
"""Failures that a cell without a pass must have before older commits are searched for one."""


def decide(
    observations: Iterable[Observation],
    commits: Sequence[str],
    known: Iterable[KnownBisection] = (),
    *,
    walks: bool = False,
    reverts: Mapping[str, str] | None = None,
) -> dict[CellKey, Decision]:
    """Decide about each observed cell.

    The order and repetition of observations do not matter. Observations at commits outside the history are
    left out.

    Args:
        observations: the observations of any number of cells.
        commits: the first-parent history, oldest first.
        known: running and earlier bisections.
        walks: whether a bisection may search older commits for its good commit.
        reverts: culprit -> the commit that reverted it.
    """
    history, known = History(tuple(commits), reverts or {}), tuple(known)
    found = timelines(without_infrastructure(observations), history.positions)
    new, gone = new_cells(found.values()), gone_cells(found.values())
    decisions = {
        key: Nothing(Reason.GONE) if key in gone else _decide(each, known, history, is_new=key in new)
        for key, each in found.items()
    }
    if walks:
        never = {key: found[key] for key, each in decisions.items() if each.reason is Reason.NO_PASS_KNOWN}
        decisions |= {key: _walk(each) for key, each in never.items()}
    return grouped(decisions, history)


def known_runs(observations: Iterable[Observation], commits: Sequence[str]) -> Iterator[KnownTrials]:
    """Yield the runs of every cell at the commits of the history, without infrastructure failures."""
    positions = History(tuple(commits)).positions
    for timeline in timelines(without_infrastructure(observations), positions).values():
        yield from timeline.known_trials()


def _decide(
    timeline: Timeline, known: tuple[KnownBisection, ...], history: History, *, is_new: bool
) -> Decision:
    streak = newest_streak(timeline)
    if streak is None:
        return _not_red(timeline, known, history)
    decision = bisected(known, timeline, streak, history)
    if isinstance(decision, Nothing) and decision.reason is Reason.OTHER_FAILURE:
        return _other_failure(decision, timeline, streak, known, history)
    if decision := decision or flaky_regression(known, timeline, history):
        return decision
    if streak.good is None:
        return _never_passed(streak, is_new=is_new)
    baseline = without_known_regressions(known, timeline, streak.before, history)
    decision = missing_evidence(timeline, streak, streak.good, baseline)
    if decision is not None:
        return decision
    again = bisections_of(known, timeline, streak, history)
    return Bisect(
        Reason.REPEATED if again else Reason.REGRESSION,
        streak.good.commit,
        streak.first.commit,
        (timeline.key,),
        streak.exception,
        timeline.known_trials(streak.exception),
    )


def _other_failure(
    decision: Nothing,
    timeline: Timeline,
    streak: Streak,
    known: tuple[KnownBisection, ...],
    history: History,
) -> Decision:
    """Decide about a red cell that now fails differently: its earlier failures count as passes."""
    earlier = {each.exception for each in bisections_of(known, timeline, streak, history)}
    later = timeline.without_failures(earlier)
    since = newest_streak(later)
    if later == timeline or since is None or since.commits_with(streak.newest_exception) < _OTHER_FAILURE:
        return decision
    other = _decide(later, known, history, is_new=False)
    if isinstance(other, Bisect):
        trials = timeline.known_trials(other.exception)
        return replace(other, reason=Reason.OTHER_REGRESSION, trials=trials)
    return decision if other.reason is Reason.FLAKY else other


def _not_red(timeline: Timeline, known: tuple[KnownBisection, ...], history: History) -> Decision:
    """Decide about a cell that passed at its newest commit, or has no result there."""
    newest = timeline.newest
    if newest is None or not newest.is_conclusive:
        return _no_result(newest)
    if decision := flaky_regression(known, timeline, history):
        return decision
    if timeline.conclusive[-1].failed:
        return _flaky(timeline)
    ended = ended_streak(timeline)
    if ended is not None:
        return _ended_decision(timeline, ended, known, history)
    return _flaky(timeline) if _is_flaky(timeline) else Nothing(Reason.GREEN)


def _no_result(newest: CommitTrials | None) -> Decision:
    """Decide about a cell without a conclusive result at the newest commit."""
    if newest is None:
        return Nothing(Reason.NO_RESULT)
    return Wait(Reason.PENDING if newest.of(State.PENDING) else Reason.INFRASTRUCTURE)


def _is_flaky(timeline: Timeline) -> bool:
    return any(commit.is_mixed for commit in timeline.conclusive)


def _flaky(timeline: Timeline) -> Nothing:
    if sick_agent_of(timeline):
        return Nothing(Reason.SICK_AGENT)
    return Nothing(Reason.FLAKY, rate=rate(timeline.conclusive))


def _ended_decision(
    timeline: Timeline, ended: Streak, known: tuple[KnownBisection, ...], history: History
) -> Decision:
    """Decide about a cell that was red and passes now."""
    after = timeline.conclusive[len(ended.before) + len(ended.red) :]
    why = explanation(known, timeline, ended, history)
    if len(after) > REPORTED_COMMITS:
        return _flaky(timeline) if _is_flaky(timeline) else Nothing(Reason.GREEN)
    again = Nothing(Reason.PASSED_AGAIN, since=after[0].commit)
    if not why.culprit and is_environment(ended):
        return again
    if why or len(ended.failures) >= failures_needed(rate((*ended.before, *after))):
        last = ended.red[-1].commit
        return Nothing(Reason.FIXED, why.culprit, after[0].commit, candidates=why.candidates, last_red=last)
    return _flaky(timeline) if _is_flaky(timeline) else again


def _never_passed(streak: Streak, *, is_new: bool) -> Decision:
    if not is_new:
        return Nothing(Reason.NO_PASS_KNOWN, since=streak.first.commit)
    if len(streak.red) < _BORN_RED:
        return Wait(Reason.NEW_TEST)
    return Nothing(Reason.BORN_RED, since=streak.first.commit)


def _walk(timeline: Timeline) -> Decision:
    """Decide about a red cell without a known pass, for which older commits can be searched."""
    streak = newest_streak(timeline)
    assert streak is not None
    missing = _NEVER_GREEN - len(streak.failures)
    if missing > 0:
        return rerun(Reason.TOO_FEW_FAILURES, timeline, {streak.red[-1].commit: missing}, streak)
    trials = timeline.known_trials(streak.exception)
    return Bisect(Reason.NEVER_GREEN, "", streak.first.commit, (timeline.key,), streak.exception, trials)
