"""Decide the next action towards a trial of a commit, from its recorded jobs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.jobs import Attempt, CommitJobs, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True)
class Use:
    """Use an ended attempt as the trial; it costs nothing."""

    attempt: Attempt


@dataclass(frozen=True)
class Follow:
    """Use a waiting or running attempt as the trial, when it ends."""

    attempt: Attempt


@dataclass(frozen=True)
class Wait:
    """Wait: nothing can be started now."""


@dataclass(frozen=True)
class GiveUp:
    """The commit cannot be tested."""

    reason: str


_NONE: Mapping[str, str] = MappingProxyType({})
_GOES_ON = (Stage.WAITING, Stage.RUNNING)
Action = Use | Follow | Wait | GiveUp | Call
"""A `Call` changes the state of the service, and costs."""


def next_action(jobs: CommitJobs, taken: AbstractSet[str], refused: Mapping[str, str] = _NONE) -> Action:
    """Return the next action towards a trial.

    Args:
        jobs: the attempts of the job at the commit.
        taken: the attempts that are trials already, or give no result.
        refused: the reasons of the service for rejecting calls, by path.
    """
    left = [each for each in jobs.attempts if each.id not in taken]
    found = _there(left) or _unblocking(left, refused) or _again(jobs, refused)
    if found is not None:
        return found
    # In another build the job would be blocked as well.
    is_blocked = any(each.stage is Stage.BLOCKED for each in jobs.attempts)
    if jobs.start and jobs.start.path not in refused and not is_blocked:
        return jobs.start
    return Wait() if jobs.is_unfinished else GiveUp(_reason(jobs, refused))


def _there(left: Sequence[Attempt]) -> Action | None:
    """Return an attempt that is, or will be, a trial without a call."""
    for each in left:
        if each.stage is Stage.ENDED and each.job.state in CONCLUSIVE:
            return Use(each)
    return next((Follow(each) for each in left if each.stage in _GOES_ON), None)


def _unblocking(left: Sequence[Attempt], refused: Mapping[str, str]) -> Call | None:
    calls = (each.again for each in left if each.stage is Stage.BLOCKED)
    return next((call for call in calls if call and call.path not in refused), None)


def _again(jobs: CommitJobs, refused: Mapping[str, str]) -> Call | Wait | None:
    """Retry the latest attempt, or wait until that is possible."""
    for each in reversed(jobs.attempts):
        if each.stage is Stage.ENDED and each.again and each.again.path not in refused:
            return each.again
    goes_on = jobs.is_pending or any(each.stage in _GOES_ON for each in jobs.attempts)
    return Wait() if goes_on else None


def _reason(jobs: CommitJobs, refused: Mapping[str, str]) -> str:
    calls = (*(each.again for each in reversed(jobs.attempts)), jobs.start)
    if refusal := next((refused[call.path] for call in calls if call and call.path in refused), ""):
        return refusal
    blocked = [each for each in jobs.attempts if each.stage is Stage.BLOCKED]
    if blocked and len(blocked[0].gates) == 1:
        return "the job is blocked by a step that blocks other jobs as well: unblock it by hand"
    if blocked:
        count = len(blocked[0].gates)
        return f"the job waits for a blocked step, which may be any of {count}: unblock it by hand"
    if jobs.attempts:
        return "its job cannot be rerun"
    return jobs.missing
