"""Whether a red streak is a regression, or what else has to be run to know.

At least three failures and two passes are needed, as in PyTorch's autorevert (pytorch/test-infra,
`pytorch-auto-revert`), and more of a cell that failed earlier: so many that its rate explains the streak in
few nights only. A pass after the first failure shows that the fleet is not what changed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bisect_tool.nightly.agents import suspect
from bisect_tool.nightly.decision import Decision, Nothing, Rate, Wait
from bisect_tool.nightly.reason import Reason
from bisect_tool.nightly.reruns import rerun, runs_left
from bisect_tool.nightly.timeline import UNKNOWN, rate, when
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from datetime import datetime

    from bisect_tool.nightly.streak import Streak
    from bisect_tool.nightly.timeline import CommitTrials, Timeline
    from bisect_tool.sources.observation import Observation

_FAILURES = 3
_AT_THE_BAD_END = 2
_PASSES = 2
_CHANCE = 0.005
"""A streak that a flaky cell shows by chance more often than this is no regression yet."""
_ASSUMED = 0.25
"""Failures that a cell is assumed to have had in one run more than are known: most cells are not flaky."""
_WORTH_A_RERUN = 0.05
_PERSISTENT = 3
"""A failure at so many commits is not the fleet's; a bisection runs ends that nobody reran anyway."""


def missing_evidence(
    timeline: Timeline, streak: Streak, good: CommitTrials, baseline: tuple[CommitTrials, ...]
) -> Decision | None:
    """What has to be run or waited for before the streak is a regression; None if it is one.

    The cell passed at `good`, the commit before the streak. The commits of `baseline` show how often it
    fails by chance.
    """
    if (changed := _outside_the_code(timeline, streak, good, baseline)) is not None:
        return changed
    earlier = rate(baseline)
    flaky = any(commit.is_mixed for commit in baseline)
    if flaky and _by_chance(earlier, len(streak.failures)) > _WORTH_A_RERUN:
        return Nothing(Reason.FLAKY, rate=rate(timeline.conclusive))
    since = streak.began
    agent = suspect(timeline, streak.failures)
    failures = _failures_wanted(timeline, streak, earlier, agent)
    wanted = {streak.first.commit: failures, good.commit: _passes_wanted(streak, earlier, good, since)}
    if not any(wanted.values()):
        return None
    return rerun(_reason(streak, earlier, agent, failures), timeline, wanted, streak)


def _outside_the_code(
    timeline: Timeline, streak: Streak, good: CommitTrials, baseline: tuple[CommitTrials, ...]
) -> Decision | None:
    """What follows if the good end fails by now as well; None if it does not.

    It may have begun to before a newer commit failed. Then one more run of it has to show that, unless it is
    flaky anyway.
    """
    if is_environment(streak):
        return Wait(Reason.ENVIRONMENT)
    failures = _since_last_pass(good)
    if len(failures) < _AT_THE_BAD_END:
        return None
    earlier = rate(baseline)
    before = Rate(max(earlier.failed - len(failures), 0), max(earlier.runs - len(failures), 0))
    if _by_chance(before, len(failures) + len(streak.failures)) > _WORTH_A_RERUN:
        return None
    if max(map(when, failures)) > streak.began:
        return Wait(Reason.ENVIRONMENT)
    return rerun(Reason.NO_PASS_SINCE, timeline, {good.commit: 1}, streak)


def _since_last_pass(good: CommitTrials) -> list[Observation]:
    """The failures after the last pass of a commit, none if a time is not known."""
    if any(when(trial) == UNKNOWN for trial in (*good.passed, *good.failed)):
        return []
    last = max(map(when, good.passed))
    return [trial for trial in good.failed if when(trial) > last]


def is_environment(streak: Streak) -> bool:
    """Whether the last commit that passed failed like the streak, once this one had begun."""
    return streak.good is not None and _good_end_fails_now(streak.good, streak.began)


def failures_needed(earlier: Rate) -> int:
    """How many failures in a row chance does not explain at an earlier failure rate."""
    needed = math.log(_CHANCE) / math.log((earlier.failed + _ASSUMED) / (earlier.runs + 1))
    return max(_FAILURES, math.ceil(needed))


def _by_chance(earlier: Rate, failures: int) -> float:
    return float((earlier.failed + 1) / (earlier.runs + 2)) ** failures


def _failures_wanted(timeline: Timeline, streak: Streak, earlier: Rate, agent: str) -> int:
    at_the_bad_end = 0
    if len(streak.red) < _PERSISTENT:
        left = runs_left(timeline, streak.first.commit, streak)
        at_the_bad_end = min(_AT_THE_BAD_END - len(streak.first.failed), left)
    return max(failures_needed(earlier) - len(streak.failures), at_the_bad_end, 1 if agent else 0)


def _passes_wanted(streak: Streak, earlier: Rate, good: CommitTrials, since: datetime) -> int:
    lacking = _PASSES - (earlier.runs - earlier.failed)
    return max(lacking, 0 if _passed_since(streak, good, since) else 1)


def _passed_since(streak: Streak, good: CommitTrials, since: datetime) -> bool:
    """Whether the good end passed after the first failure; without times, whether it passed twice."""
    if len(streak.red) >= _PERSISTENT:
        return True
    if since == UNKNOWN:
        return len(good.passed) >= _PASSES
    return any(when(trial) > since for trial in good.passed)


def _good_end_fails_now(good: CommitTrials, since: datetime) -> bool:
    """Whether the good end failed twice since the first failure of the streak, and has not passed since."""
    newer = sorted((trial for trial in (*good.passed, *good.failed) if when(trial) > since), key=when)
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
