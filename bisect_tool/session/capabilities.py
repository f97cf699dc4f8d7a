"""What the trials of a check can do, by where they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.executor.executor import JOBS_OF_CI, Capabilities

if TYPE_CHECKING:
    from bisect_tool.request import Check


def capabilities_of(check: Check) -> Capabilities:
    """The capabilities of the executor that `executor_of` chooses."""
    return JOBS_OF_CI if check.as_job else Capabilities()
