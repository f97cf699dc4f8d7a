"""Decide whether a red streak is a regression, or what has to be run to find out.

At least three failures and two passes are needed, as in PyTorch's autorevert (pytorch/test-infra,
`pytorch-auto-revert`). A cell that failed earlier needs more failures, until its failure rate rarely explains
the streak. A pass after the first failure shows that the machines have not changed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State
from bisect_tool.nightly_rules.decision import Decision, Nothing, Rate, Wait
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.rerun_requests import rerun, runs_left
from bisect_tool.nightly_rules.sick_agents import suspect_agent
from bisect_tool.nightly_rules.timeline import UNKNOWN_TIME, rate, time_of

if TYPE_CHECKING:
    from datetime import datetime

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.nightly_rules.streak import Streak
    from bisect_tool.nightly_rules.timeline import CommitTrials, Timeline

_FAILURES = 3
_FAILURES_AT_BAD_END = 2
_PASSES = 2
_CHANCE = 0.005
"""A streak is a regression if a flaky cell would show it by chance less often than this."""
_PRIOR_FAILURES = 0.25
"""A prior for the failure rate: this many failures in one additional run. Most cells are not flaky."""
_RERUN_CHANCE = 0.05
_PERSISTENT = 3
"""A failure at this many commits is not caused by a machine, so that no rerun has to rule that out."""
_ONE_AGENT_COMMITS = 5
"""After so many red commits on one agent, no other one is waited for: its pool may have no other left."""


def missing_evidence(
    timeline: Timeline, streak: Streak, good: CommitTrials, baseline: tuple[CommitTrials, ...]
) -> Decision | None:
    """Return what to run or wait for to know whether the streak is a regression; None if it is one.

    The cell passed at `good`, the commit before the streak. The commits of `baseline` show how often it fails
    by chance.
    """
    if (decision := _environment_decision(timeline, streak, good, baseline)) is not None:
        return decision
    earlier = rate(baseline)
    flaky = any(commit.is_mixed for commit in baseline)
    if flaky and _chance(earlier, len(streak.failures)) > _RERUN_CHANCE:
        return Nothing(Reason.FLAKY, rate=rate(timeline.conclusive))
    since = streak.began
    agent = suspect_agent(timeline, streak.failures) if len(streak.red) < _ONE_AGENT_COMMITS else ""
    failures = _failures_wanted(timeline, streak, earlier, agent)
    wanted = {streak.first.commit: failures, good.commit: _passes_wanted(streak, earlier, good, since)}
    if not any(wanted.values()):
        return None
    return rerun(_reason(streak, earlier, agent, failures), timeline, wanted, streak)


def _environment_decision(
    timeline: Timeline, streak: Streak, good: CommitTrials, baseline: tuple[CommitTrials, ...]
) -> Decision | None:
    """Decide about a good commit that now fails as well; None if it does not.

    If its last failure came before the streak, one more run has to show whether it still fails, unless the
    cell is flaky anyway.
    """
    if is_environment(streak):
        return Wait(Reason.ENVIRONMENT)
    failures = _since_last_pass(good)
    if len(failures) < _FAILURES_AT_BAD_END:
        return None
    earlier = rate(baseline)
    before = Rate(max(earlier.failed - len(failures), 0), max(earlier.runs - len(failures), 0))
    if _chance(before, len(failures) + len(streak.failures)) > _RERUN_CHANCE:
        return None
    if max(map(time_of, failures)) > streak.began:
        return Wait(Reason.ENVIRONMENT)
    return rerun(Reason.NO_PASS_SINCE, timeline, {good.commit: 1}, streak)


def _since_last_pass(good: CommitTrials) -> list[Observation]:
    """Return the failures after the last pass of a commit; none if a time is unknown."""
    if any(time_of(trial) == UNKNOWN_TIME for trial in (*good.passed, *good.failed)):
        return []
    last = max(map(time_of, good.passed))
    return [trial for trial in good.failed if time_of(trial) > last]


def is_environment(streak: Streak) -> bool:
    """Whether the good commit fails too, since the streak began."""
    return streak.good is not None and _good_end_fails_now(streak.good, streak.began)


def failures_needed(earlier: Rate) -> int:
    """Return how many consecutive failures chance does not explain at an earlier failure rate."""
    needed = math.log(_CHANCE) / math.log((earlier.failed + _PRIOR_FAILURES) / (earlier.runs + 1))
    return max(_FAILURES, math.ceil(needed))


def _chance(earlier: Rate, failures: int) -> float:
    return float((earlier.failed + 1) / (earlier.runs + 2)) ** failures


def _failures_wanted(timeline: Timeline, streak: Streak, earlier: Rate, agent: str) -> int:
    at_bad_end = 0
    if len(streak.red) < _PERSISTENT:
        left = runs_left(timeline, streak.first.commit, streak)
        at_bad_end = min(_FAILURES_AT_BAD_END - len(streak.first.failed), left)
    return max(failures_needed(earlier) - len(streak.failures), at_bad_end, 1 if agent else 0)


def _passes_wanted(streak: Streak, earlier: Rate, good: CommitTrials, since: datetime) -> int:
    missing = _PASSES - (earlier.runs - earlier.failed)
    return max(missing, 0 if _passed_since(streak, good, since) else 1)


def _passed_since(streak: Streak, good: CommitTrials, since: datetime) -> bool:
    """Whether the good commit passed after the first failure; without times, whether it passed twice."""
    if len(streak.red) >= _PERSISTENT:
        return True
    if since == UNKNOWN_TIME:
        return len(good.passed) >= _PASSES
    return any(time_of(trial) > since for trial in good.passed)


def _good_end_fails_now(good: CommitTrials, since: datetime) -> bool:
    """Whether the two newest runs of the good commit failed, both after the streak's first failure."""
    newer = sorted((trial for trial in (*good.passed, *good.failed) if time_of(trial) > since), key=time_of)
    last = newer[-2:]
    return len(last) == 2 and all(trial.state is State.FAILED for trial in last)


def _reason(streak: Streak, earlier: Rate, agent: str, failures_wanted: int) -> Reason:
    if len(streak.failures) == 1:
        return Reason.FIRST_FAILURE
    if agent:
        return Reason.ONE_AGENT
    if failures_wanted:
        return Reason.TOO_FEW_FAILURES
    return Reason.TOO_FEW_PASSES if earlier.runs - earlier.failed < _PASSES else Reason.NO_PASS_SINCE
