"""Post the state of a cause to the webhook, unless that was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery import markers
from bisect_tool.delivery.webhook import post
from bisect_tool.render.chat import message

if TYPE_CHECKING:
    from bisect_tool.delivery.allowance import Allowance
    from bisect_tool.delivery.clock import Clock
    from bisect_tool.delivery.delivered import Delivered
    from bisect_tool.results.nightly import Cause, NightlyDocument


def post_cause(  # noqa: PLR0913, PLR0917 - what is posted, where, and whether
    night: NightlyDocument, cause: Cause, url: str, sent: Delivered, allowance: Allowance, clock: Clock
) -> str:
    """Post the state of a cause; returns what was done, empty if nothing had to be.

    A fix is posted only where the failure was.
    """
    name, state = markers.identifier(cause), markers.standing(cause)
    before = sent.state(name)
    if cause.state == "fixed":
        may_post = bool(before) and not markers.is_fixed(before)
    else:
        may_post = before != state and allowance.take()
    if not may_post:
        return ""
    arrived = post(url, message(night, cause), clock)
    sent.record(name, state)
    return "posted to the webhook" if arrived else "posted to the webhook, which did not answer: not repeated"
