"""Open, update, close or reopen the issue of a cause.

A comment about a new state is posted before the edit that records the state, and only if it does not exist:
so a run killed between the two does not cause a second comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery import markers
from bisect_tool.delivery.issues import PAUSED_LABEL
from bisect_tool.render.nightly_cause import title
from bisect_tool.render.nightly_cause_markdown import change, issue_body

if TYPE_CHECKING:
    from bisect_tool.delivery.allowance import Allowance
    from bisect_tool.delivery.issues import Issue, Issues
    from bisect_tool.json_document.nightly import Cause, NightlyDocument


def sync_issue(night: NightlyDocument, cause: Cause, issues: Issues, allowance: Allowance) -> str:
    """Synchronise the issue of a cause; returns what was done, or empty."""
    found = issues.find(markers.identifier(cause)) or _renamed(night, cause, issues)
    if found is not None:
        return _updated(night, cause, found, issues, allowance)
    if cause.state == "fixed" or not allowance.take():
        return ""
    section = markers.section(cause, issue_body(night, cause, PAUSED_LABEL))
    created = issues.create(markers.identifier(cause), title(cause), section)
    return f"opened issue {created.number}"


def _renamed(night: NightlyDocument, cause: Cause, issues: Issues) -> Issue | None:
    """Find the issue of this cause's bisection under another fingerprint."""
    if not cause.session or cause.state == "fixed":
        return None
    tonight = {markers.identifier(each) for each in night.causes}
    return issues.take_over(markers.session_name(cause), markers.cause_state(cause), tonight)


def _updated(night: NightlyDocument, cause: Cause, found: Issue, issues: Issues, allowance: Allowance) -> str:
    before, after = markers.section_state(found.body), markers.cause_state(cause)
    if markers.is_fixed(after) and not found.is_open:
        return ""
    reason = _left_alone_reason(found, before, after)
    if reason:
        return f"skipped issue {found.number}: {reason}"
    fields: dict[str, object] = {}
    text = issue_body(night, cause, PAUSED_LABEL, markers.section_rest(found.body))
    body = markers.replace_section(found.body, markers.section(cause, text))
    if body != found.body.replace("\r\n", "\n"):
        fields["body"] = body
    if before != after:
        if cause.state != "fixed" and not allowance.take():
            return ""
        _comment_state(night, cause, found, issues, again=markers.is_fixed(before))
        fields |= _state_fields(cause)
    if fields:
        issues.edit(found.number, **fields)
    return _done(found, fields) if fields else ""


def _left_alone_reason(found: Issue, before: str, after: str) -> str:
    """Return why an issue is left alone, or empty: changes by people take precedence."""
    if found.is_paused:
        return f"it has the label {PAUSED_LABEL}"
    if not found.is_open and not markers.is_fixed(before):
        return "somebody closed it"
    if found.is_open and markers.is_fixed(before) and markers.is_fixed(after):
        return "somebody reopened it"
    return ""


def _comment_state(
    night: NightlyDocument, cause: Cause, found: Issue, issues: Issues, *, again: bool
) -> None:
    if markers.commented_state(issues.comments(found.number), cause) != markers.cause_state(cause):
        issues.comment(found.number, markers.comment(cause, change(night, cause, again=again)))


def _state_fields(cause: Cause) -> dict[str, object]:
    if cause.state == "fixed":
        return {"state": "closed", "state_reason": "completed"}
    return {"state": "open", "title": title(cause)}


def _done(found: Issue, fields: dict[str, object]) -> str:
    if fields.get("state") == "closed":
        return f"closed issue {found.number}"
    if not found.is_open:
        return f"reopened issue {found.number}"
    return f"updated issue {found.number}"
