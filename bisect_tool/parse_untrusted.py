"""Parse JSON and TOML that others wrote: whatever is wrong with it is a ValueError.

Python's parsers raise RecursionError for deep nesting, and take quadratic time for long dotted keys.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

_DEEP = "it is nested too deeply"
_PARTS = 100
_PART = r"(?:[\w-]++|\"[^\"\n]{0,80}+\"|'[^'\n]{0,80}+')"
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}[ \t]*+\.[ \t]*+){{{_PARTS}}}")


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a JSON text; raises ValueError for anything else."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(_DEEP) from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text; raises ValueError for anything else."""
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_DEEP) from None


def value_at(table: Any, *keys: str) -> Any:  # noqa: ANN401 - JSON or TOML
    """Return what stands under these keys; None if there is nothing, or no table on the way."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def table_at(table: Any, *keys: str) -> dict[str, Any]:  # noqa: ANN401 - JSON or TOML
    """Return the table under these keys; empty if there is none."""
    found = value_at(table, *keys)
    return found if isinstance(found, dict) else {}


def list_at(table: Any, *keys: str) -> list[Any]:  # noqa: ANN401 - JSON or TOML
    """Return the list under these keys; empty if there is none."""
    found = value_at(table, *keys)
    return found if isinstance(found, list) else []
