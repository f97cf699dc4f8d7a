"""Poll a condition until it holds or a deadline passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.05


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Poll `condition` until it holds or `seconds` have passed; returns whether it held.

    The last poll starts after the deadline: on a busy machine an earlier one may have taken all the time, and
    reports only the state at its start.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if condition():
            return True
        time.sleep(min(POLL_S, left))
    return bool(condition())
