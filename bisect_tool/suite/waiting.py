"""Poll a condition until it holds or a deadline passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.05


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Poll `condition` until it holds or `seconds` have passed; returns whether it held.

    The last poll starts after the deadline: on a busy machine one poll may take as long as that, and what it
    saw at its start says nothing about the end.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if condition():
            return True
        time.sleep(min(POLL_S, left))
    return bool(condition())
