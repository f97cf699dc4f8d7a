"""The current time and sleeping, replaced by tests."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Clock:
    """`now` in seconds since 1970, `sleep` for some seconds."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time


SYSTEM = Clock()
