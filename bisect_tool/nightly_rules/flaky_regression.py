"""Decide about a cell that sometimes fails since a known culprit: red until its passes show a fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.decision import Nothing, Rate
from bisect_tool.nightly_rules.history import BEFORE
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.streak import Streak

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.nightly_rules.earlier_bisections import KnownBisection
    from bisect_tool.nightly_rules.history import History
    from bisect_tool.nightly_rules.timeline import CommitTrials, Timeline

_FIX_CHANCE = 0.05
"""Consecutive passes show a fix if they are less likely than this at the failure rate since the culprit."""
REPORTED_COMMITS = 3
"""A fix is reported until the cell has passed at this many more commits."""


@dataclass(frozen=True)
class _SinceCulprit:
    """The results of a cell since its culprit.

    Attributes:
        rate: its failure rate up to its last failure.
        passed: the commits after its last failure, at which it only passed.
        commits_after_fix: at how many of them the passes were enough to show a fix.
    """

    rate: Rate
    passed: tuple[CommitTrials, ...]
    commits_after_fix: int


def flaky_regression(known: Sequence[KnownBisection], timeline: Timeline, history: History) -> Nothing | None:
    """Decide about a cell that passes and fails since its culprit; None if no culprit explains that."""
    failing = [commit for commit in timeline.conclusive if commit.failed]
    if not failing:
        return None
    exception = Streak((), (failing[-1],)).exception
    own = [each for each in known if not exception or each.exception in ("", exception)]
    culprits = {each.culprits.get(timeline.key, "") for each in own}
    culprit = max(culprits, key=lambda each: (history.position(each), each), default="")
    start = history.position(culprit)
    commits = tuple(each for each in timeline.conclusive if each.position >= start)
    if start == BEFORE or not any(each.is_mixed for each in commits):
        return None
    since = _since(commits)
    if since is None or since.commits_after_fix > REPORTED_COMMITS:
        return None
    if since.commits_after_fix:
        return Nothing(Reason.FIXED, culprit, since.passed[0].commit, last_red=failing[-1].commit)
    first = next(each for each in commits if each.failed)
    return Nothing(Reason.STILL_RED, culprit, first.commit, since.rate)


def _since(commits: Sequence[CommitTrials]) -> _SinceCulprit | None:
    """Summarise the commits since the culprit; None if the cell failed again after a fix."""
    failed = runs = commits_after_fix = 0
    passed: list[CommitTrials] = []
    for commit in commits:
        passed.append(commit)
        if commit.failed:
            if commits_after_fix:
                return None
            failed += len(commit.failed)
            runs += sum(len(each.passed) + len(each.failed) for each in passed)
            passed = []
        elif runs and (1 - failed / runs) ** sum(len(each.passed) for each in passed) <= _FIX_CHANCE:
            commits_after_fix += 1
    return _SinceCulprit(Rate(failed, runs), tuple(passed), commits_after_fix)
