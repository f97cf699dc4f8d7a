"""Find what a CI service runs after a job has ended: it never says why the job failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.line import LogLine

_BEGINS = re.compile(
    r"Post job cleanup\.$|##\[error\]The operation was canceled\."  # GitHub
    r"|Running after_script$|Cleaning up project directory and file based variables$"  # GitLab
    r"|\[Pipeline\] \{ \(Declarative: Post Actions\)"  # Jenkins
    r"|(?:~~~|---) Running .* pre-exit hook"  # Buildkite
)
_NEXT_JOB = re.compile(r"Current runner version: |Running with gitlab-runner ")
SIGNS = (
    *("Post job cleanup", "operation was canceled", "after_script", "Cleaning up project"),
    *("Post Actions)", "pre-exit hook", "Current runner version", "with gitlab-runner"),
)
"""Texts of which each line that begins a clean-up, or the next job, has one."""


class CleanUps:
    """Records the clean-ups in logs while their lines are read."""

    def __init__(self) -> None:
        self._marks: dict[str, list[tuple[int, bool]]] = {}

    def read(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """Yield the lines unchanged."""
        for line in lines:
            if any(sign in line.text for sign in SIGNS):
                self._mark(line)
            yield line

    def contains(self, source: str, number: int) -> bool:
        """Whether a line is part of a clean-up, and not the one that announces it."""
        before = [begins for at, begins in self._marks.get(source, ()) if at < number]
        return bool(before) and before[-1]

    def _mark(self, line: LogLine) -> None:
        text = clean_line(line.text[collector_prefix(line.text).end :])
        if _BEGINS.match(text) or _NEXT_JOB.match(text):
            self._marks.setdefault(line.source, []).append((line.number, bool(_BEGINS.match(text))))
