"""Download the log of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.ci_results.service_access import Absent

if TYPE_CHECKING:
    from bisect_tool.ci_results.http import Client
    from bisect_tool.executor.ci.jobs import Attempt


def log_of(attempt: Attempt, client: Client) -> str:
    """Return an attempt's log; empty if there is none, or if it was deleted."""
    if not attempt.job.log:
        return ""
    try:
        return client.log(attempt.job.log).decode("utf-8", "replace")
    except Absent:  # the service keeps logs for some time only
        return ""
