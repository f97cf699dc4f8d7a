"""Recognise lines after which a server cannot become ready, so that waiting for it can stop."""

from __future__ import annotations

from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.evidence.patterns import PATTERNS, Patterns

_FATAL_LEVELS = frozenset({"", "ERROR", "CRITICAL"})


def is_fatal(text: str, known: Patterns = PATTERNS) -> bool:
    """Whether a server that prints `text` (one line, with or without prefix) cannot become ready."""
    # Most lines are healthy: a plain search is cheap, and only its hits are parsed.
    if not known.may_be_fatal(text):
        return False
    parsed = parse_line(text, known)
    return parsed.level in _FATAL_LEVELS and not parsed.text[:1].isspace() and known.is_fatal(parsed.text)
