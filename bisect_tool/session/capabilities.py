"""What the trials of a session can show, which depends on its executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from bisect_tool.executor.executor import JOBS_OF_CI, Capabilities

if TYPE_CHECKING:
    from bisect_tool.request import Request


def capabilities_of(request: Request) -> Capabilities:
    """Return what the trials of a request support where they run."""
    match request.executor:
        case "local" | "ray":
            return Capabilities()
        case "buildkite" | "github":
            return JOBS_OF_CI
        case name:
            assert_never(name)
