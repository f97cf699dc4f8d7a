"""Render causes of failures as workflow commands of GitHub Actions, which annotate a job.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.render.nightly_cause import culprit, title
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from bisect_tool.json_document.nightly import Cause, NightlyDocument

ANNOTATIONS = 10
"""The maximum that GitHub shows for one step."""
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
_LEVELS = {"new": ("error", "New regression"), "open": ("warning", "Known regression")}
_LIMIT = 1000


def workflow_commands(night: NightlyDocument) -> tuple[str, ...]:
    """Return an error for each new cause, then a warning for each open one; at most ten."""
    causes = [cause for state in _LEVELS for cause in night.causes if cause.state == state]
    return tuple(_command(cause) for cause in causes[:ANNOTATIONS])


def _command(cause: Cause) -> str:
    level, heading = _LEVELS[cause.state]
    commit = culprit(cause)
    parts = (title(cause), commit.subject if commit else "", cause.exception)
    data = "\n".join(clean_line(part, _LIMIT) for part in parts if part)
    return f"::{level} title={heading.translate(_PROPERTY)}::{data.translate(_DATA)}"
