"""Post the state of a cause to the webhook, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery import markers
from bisect_tool.delivery.webhook import post
from bisect_tool.render.chat import message

if TYPE_CHECKING:
    from bisect_tool.delivery.allowance import Allowance
    from bisect_tool.delivery.clock import Clock
    from bisect_tool.delivery.delivered_states import Delivered
    from bisect_tool.json_document.nightly import Cause, NightlyDocument


def is_due(cause: Cause, sent: Delivered) -> bool:
    """Whether the state of a cause has to be posted; a fix only if the failure was posted."""
    before = sent.state(markers.identifier(cause))
    if cause.state == "fixed":
        return bool(before) and not markers.is_fixed(before)
    return before != markers.cause_state(cause)


def post_cause(  # noqa: PLR0913, PLR0917 - what is posted, where, and whether
    night: NightlyDocument, cause: Cause, url: str, sent: Delivered, allowance: Allowance, clock: Clock
) -> str:
    """Post the state of a cause; returns what was done, or empty."""
    if not is_due(cause, sent) or (cause.state != "fixed" and not allowance.take()):
        return ""
    arrived = post(url, message(night, cause), clock)
    sent.record(markers.identifier(cause), markers.cause_state(cause))
    return (
        "posted to the webhook"
        if arrived
        else "posted to the webhook, which did not answer; the message is not repeated"
    )
