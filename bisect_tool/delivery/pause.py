"""The kill switch: a file or a variable that stops all posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.paths import Home

VARIABLE = "BISECT_RUN_PAUSE_POSTS"


def why_paused(home: Home, environment: Mapping[str, str]) -> str:
    """Return why posts are paused, or empty."""
    if environment.get(VARIABLE):
        return f"{VARIABLE} is set"
    file = home.state / "nightly" / "paused"
    return f"{file} exists" if file.exists() else ""
