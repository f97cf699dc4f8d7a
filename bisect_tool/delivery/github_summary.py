"""Append to the summary of the GitHub job that runs us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.render.nightly_markdown import cut
from bisect_tool.supervise.files import append_regular, read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "GITHUB_STEP_SUMMARY"
_LIMIT = 1 << 20
"""The limit of a step's summary, in bytes; GitHub does not show a longer one."""


def append_summary(text: str, environment: Mapping[str, str]) -> None:
    """Append to the summary, once, truncated to the limit.

    Raises:
        EnvironmentFailed: the variable is not set, or the file cannot be written.
    """
    name = environment.get(VARIABLE, "")
    if not name:
        raise EnvironmentFailed(f"{VARIABLE} is not set", "Use it only in a GitHub Actions job.")
    path = Path(name)
    try:
        before = read_regular(path).decode(errors="replace") if path.exists() else ""
        gap = "\n" if before and not before.endswith("\n\n") else ""
        room = _LIMIT - len(before.encode()) - len(gap)
        if text not in before:
            append_regular(path, f"{gap}{cut(text, room)}")
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write the summary of the job: {error.strerror}", f"The file is {path}."
        ) from error
