"""Select the capabilities of a check's executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.executor.executor import JOBS_OF_CI, Capabilities

if TYPE_CHECKING:
    from bisect_tool.request import Check


def capabilities_of(check: Check) -> Capabilities:
    """Return the capabilities of the executor that `executor_of` selects."""
    return JOBS_OF_CI if check.as_job else Capabilities()
