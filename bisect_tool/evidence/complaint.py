"""Find the sentence with which a command said why it failed, if only its exit code is known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.command_failure import is_consequence
from bisect_tool.evidence.parsed_line import parse_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.evidence.line import LogLine

_LINES = 40
_COMPLAINS = re.compile(
    r"\b(?:fail(?:ed|ure|s)?|errors?|aborting|cannot|can't|(?:could|does|did|is|are|was) ?n[o']t|unable to"
    r"|not (?:a|an|found|supported|allowed|permitted|valid|ready|configured|installed|defined|available)"
    r"|undefined|unknown|unsupported|invalid|missing|mismatch|denied|refused|forbidden|unauthorized|expired"
    r"|exceed(?:s|ed)?|limit|outside|conflicts?|corrupt(?:ed)?|out of|timed out|too many|toomany\w+|no such"
    r"|already (?:exists?|in use)|must|required|expected)\b|[\u274c\u2717\u2718]",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"\b(?:0|no) (?:errors?|fail\w+)\b|\bwarn|Warning: ", re.IGNORECASE)
# Where the output of a command begins: its echo, or the end of a step's head.
_BEGINS = re.compile(
    r"\$ |\++ \S|##\[endgroup\]|\[command\]|##\[command\]|\[Container\] \S+ \S+ Running command "
)
_MILD = frozenset({"DEBUG", "INFO", "WARNING"})


def last_complaint(lines: Sequence[LogLine], at: int) -> int | None:
    """Return the index of the last line before `at` in which the same command complains; None without one."""
    for index in reversed(range(max(at - _LINES, 0), at)):
        parsed = parse_line(lines[index].text)
        if _BEGINS.match(parsed.text):
            return None
        complains = parsed.level not in _MILD and _COMPLAINS.search(parsed.text)
        if complains and not _HARMLESS.search(parsed.text) and not is_consequence(parsed.text):
            return index
    return None
