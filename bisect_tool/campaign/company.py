"""Whether a cell fails because of the cells that run before it: then no commit is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.campaign.goal import Purpose, Step
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.campaign.goal import Goal
    from bisect_tool.campaign.judged import Judged, Run

_RED_IN_COMPANY = 2
_GREEN_ALONE = 3
"""By chance alone a flaky cell is so often red after others and green without them about 3 times in 100."""


def suspected(judged: Judged) -> str | None:
    """A commit at which the cell failed only after others, and passed when some of those were left out."""
    for sha in judged.told(Verdict.BAD) & judged.told(Verdict.GOOD):
        red, green = _sides(judged.at((sha,)))
        if all(after.before > without.before for after in red for without in green):
            return sha
    return None


def proven(judged: Judged, sha: str) -> bool:
    """Whether that was seen often enough."""
    red, green = _sides(judged.at((sha,)))
    return len(red) >= _RED_IN_COMPANY and len(green) >= _GREEN_ALONE


def proof(judged: Judged, sha: str, cell: str) -> Step:
    """The run that is missing: with every cell, or alone."""
    red, _ = _sides(judged.at((sha,)))
    return Step(sha, None if len(red) < _RED_IN_COMPANY else (cell,), Purpose.CONFIRM)


def always_in_company(goal: Goal, judged: Judged, sha: str) -> bool:
    """Whether the cell failed at this end only after cells that were left out when the range was narrowed.

    An end runs every cell, so a cell that fails only after others would make the end the culprit.
    """
    ends = (goal.bad, *goal.goods)
    narrowed = [run.before for run in judged.runs if run.sha not in ends]
    red, _ = _sides(judged.at((sha,)))
    return sha in ends and any(all(run.before > before for run in red) for before in narrowed) and bool(red)


def _sides(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    return (
        [run for run in runs if run.verdict is Verdict.BAD],
        [run for run in runs if run.verdict is Verdict.GOOD],
    )
