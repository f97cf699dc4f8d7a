"""Recognise missed deadlines, which a busy machine can cause."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.evidence.failure_chain import Failure

_EXCEPTION = re.compile(r"Time(?:d)?Out|Timeout|Deadline", re.IGNORECASE)
_MESSAGE = re.compile(
    r"\btim(?:ed|ing)[ -]?out\b|\btoo (?:slow|long|late)\b|\bdeadline (?:exceeded|expired|passed|missed)"
    r"|\btime-?out\b:? (?:expired|exceeded|waiting|while|after|of|in|\(|>|\d)|\bmissed (?:its|the) deadline"
    r"|(?<!['\"\w.])\d+(?:\.\d+)? ?(?:ms|msecs?|s|secs?|seconds?|min|minutes?)\b"
    r"|\bassert [^=!<>]{0,80}\d\.\d[^=!<>]{0,80} <=? \d"  # `assert elapsed < 15`, as pytest shows it
    r"|\bexit (?:code|status) 124\b",  # timeout(1)
    re.IGNORECASE,
)


def is_missed_deadline(outcome: Outcome, failure: Failure | None) -> bool:
    """Whether a failed cell hung, or its root says that something took too long."""
    if outcome is Outcome.HUNG:
        return True
    if outcome is not Outcome.FAILED or failure is None:
        return False
    root = failure.root
    return bool(_EXCEPTION.search(root.exception) or _MESSAGE.search(root.headline))
