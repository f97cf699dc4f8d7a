"""Validate regular expressions of scenarios."""

from __future__ import annotations

import re


def check_expression(text: str) -> None:
    """Raise ValueError, with the position of the mistake, if `text` is not a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"`{text}` is not a valid regular expression: {error}") from None
