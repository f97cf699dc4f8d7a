"""The log of a job, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.sources.service import Absent

if TYPE_CHECKING:
    from bisect_tool.executor.ci.jobs import Attempt
    from bisect_tool.sources.http import Client


def log_of(attempt: Attempt, client: Client) -> str:
    """What the service has of an attempt's log; empty if it has none, or not any more."""
    if not attempt.job.log:
        return ""
    try:
        return client.log(attempt.job.log).decode("utf-8", "replace")
    except Absent:  # the service keeps logs for some time only
        return ""
