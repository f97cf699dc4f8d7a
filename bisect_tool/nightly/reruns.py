"""Runs that are wanted, within a limit for each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.nightly.decision import Rerun, Runs, Wait
from bisect_tool.nightly.reason import Reason
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.nightly.streak import Streak
    from bisect_tool.nightly.timeline import Timeline

RUNS_PER_COMMIT = 5


def runs_left(timeline: Timeline, commit: str) -> int:
    """How many more runs a commit may have."""
    at = timeline.at(commit)
    return RUNS_PER_COMMIT - at.attempts if at else RUNS_PER_COMMIT


def rerun(reason: Reason, timeline: Timeline, wanted: Mapping[str, int], streak: Streak) -> Rerun | Wait:
    """Run the cell as often as wanted at each commit, if there are other agents on those."""
    trials = [at for commit, number in wanted.items() if number and (at := timeline.at(commit))]
    if any(at.of(State.PENDING) for at in trials):
        return Wait(Reason.PENDING)
    allowed = {commit: min(number, runs_left(timeline, commit)) for commit, number in wanted.items()}
    runs = tuple(Runs(commit, number) for commit, number in allowed.items() if number > 0)
    avoid = {trial.host for trial in streak.failures if trial.host} if len(timeline.hosts) > 1 else ()
    return Rerun(reason, runs, tuple(sorted(avoid))) if runs else Wait(Reason.RERUN_LIMIT)
