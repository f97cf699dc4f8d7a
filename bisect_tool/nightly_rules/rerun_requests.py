"""Request reruns, within a limit for each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State
from bisect_tool.nightly_rules.decision import Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.nightly_rules.streak import Streak
    from bisect_tool.nightly_rules.timeline import Timeline

RUNS_PER_COMMIT = 5
"""Limit of runs at a commit since the cell began to fail; earlier runs do not count."""


def runs_left(timeline: Timeline, commit: str, streak: Streak) -> int:
    """Return how many more runs a commit may have."""
    at = timeline.at(commit)
    return RUNS_PER_COMMIT - (at.attempts_since(streak.began) if at else 0)


def rerun(reason: Reason, timeline: Timeline, wanted: Mapping[str, int], streak: Streak) -> Rerun | Wait:
    """Request runs at each commit, up to its limit, on agents other than those on which the cell failed.

    If the cell failed on all of its agents, it may run on any.
    """
    trials = [at for commit, number in wanted.items() if number and (at := timeline.at(commit))]
    if any(at.of(State.PENDING) for at in trials):
        return Wait(Reason.PENDING)
    allowed = {commit: min(number, runs_left(timeline, commit, streak)) for commit, number in wanted.items()}
    runs = tuple(Runs(commit, number) for commit, number in allowed.items() if number > 0)
    failed_on = {trial.host for trial in streak.failures if trial.host}
    avoid = tuple(sorted(failed_on)) if failed_on < timeline.hosts else ()
    return Rerun(reason, runs, avoid) if runs else Wait(Reason.RERUN_LIMIT)
