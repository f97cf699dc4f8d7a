"""The longest time limit that an option or a scenario can set: a year, in seconds."""

from __future__ import annotations

from typing import Final

MAX_LIMIT_S: Final = 31_536_000.0
