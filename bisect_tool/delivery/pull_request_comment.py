"""Comment on the pull request of a proven culprit, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery import markers
from bisect_tool.render.nightly_cause_markdown import pull_request

if TYPE_CHECKING:
    from bisect_tool.delivery.actions import CommentOnPullRequest
    from bisect_tool.delivery.allowance import Allowance
    from bisect_tool.delivery.issues import Issues


def comment_on_pull_request(action: CommentOnPullRequest, issues: Issues, allowance: Allowance) -> str:
    """Comment unless there is a comment; returns what was done, or empty."""
    found = issues.get(action.number)
    if not found.is_pull_request:
        return f"skipped {action.number}: it is not a pull request"
    if found.is_paused:
        return f"skipped pull request {action.number}: it is paused by its label"
    if markers.commented_state(issues.comments(action.number), action.cause):
        return ""
    if not allowance.take():
        return ""
    issues.comment(action.number, markers.comment(action.cause, pull_request(action.cause)))
    return f"commented on pull request {action.number}"
