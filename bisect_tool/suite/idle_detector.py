"""Detect that servers are idle after their last request, by the CPU time that they use or wait for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.suite.process_tree import ProcessTree

WINDOW_S = 0.5
QUIET_SHARE = 0.25


class IdleDetector:
    """Tells rest from work by the processor time that a tree of processes uses, and waits for.

    No endpoint says it: data-parallel ranks that have answered everything go on in step, with dummy batches,
    until all have agreed to pause; a SIGTERM in between breaks their collectives. An engine on a CPU uses
    about 2 cores then, and a tenth of one at rest. On a busy machine it gets less while it works; so the time
    that is spent waiting for a CPU counts as well.
    """

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self._since = time.monotonic()
        self._used, self._waited = tree.cpu_seconds(), tree.waiting_seconds()

    def is_idle(self) -> bool:
        """Whether less than `QUIET_SHARE` of a core was wanted in the last `WINDOW_S`; ask repeatedly."""
        now = time.monotonic()
        if now - self._since < WINDOW_S:
            return False
        used, waited = self._tree.cpu_seconds(), self._tree.waiting_seconds()
        # The waiting of threads that have ended is not counted any more.
        wanted = used - self._used + max(waited - self._waited, 0.0)
        quiet = wanted < QUIET_SHARE * (now - self._since)
        self._since, self._used, self._waited = now, used, waited
        return quiet
