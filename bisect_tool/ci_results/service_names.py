"""The names of the services that results are read from; validate those of pipelines and workflows."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

SourceName: TypeAlias = Literal["buildkite", "github"]
PIPELINE = re.compile(r"[\w.-]+/[\w.-]+")
WORKFLOW = re.compile(r"[\w. -]+\.ya?ml|\d+")


def named(flag: str, value: str, pattern: re.Pattern[str], example: str) -> str:
    """Return the value of a flag that the source requires.

    Raises:
        UsageError: it is missing or malformed.
    """
    if not value:
        raise UsageError(f"{flag} is missing", f"Add {flag} {example}.")
    if not pattern.fullmatch(value):
        raise UsageError(f"{flag} {clean_line(value, 100)} is not valid", f"Use a value such as {example}.")
    return value


def check_pattern(flag: str, pattern: str) -> None:
    """Raise UsageError if the value of an option is not a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{flag} is not a regular expression: {error}", "Escape ( ) [ ] . * +.") from None
