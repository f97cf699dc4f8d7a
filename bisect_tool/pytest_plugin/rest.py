"""Whether servers have come to rest after their last request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.pytest_plugin.process_tree import ProcessTree

WINDOW_S = 0.5
QUIET_SHARE = 0.25


class Rest:
    """Tells rest from work by the processor time that a tree of processes uses.

    No endpoint says it: data-parallel ranks that have answered everything go on in step, with dummy batches,
    until all have agreed to pause (`run_busy_loop` of vllm/v1/engine/core.py); a SIGTERM in between breaks
    their collectives. vLLM on a CPU uses about 2 cores then, and a tenth of one at rest.
    """

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self._since = time.monotonic()
        self._used = tree.cpu_seconds()

    def come(self) -> bool:
        """Whether less than `QUIET_SHARE` of a core was used in the last whole `WINDOW_S`; ask repeatedly."""
        now = time.monotonic()
        if now - self._since < WINDOW_S:
            return False
        used = self._tree.cpu_seconds()
        quiet = used - self._used < QUIET_SHARE * (now - self._since)
        self._since, self._used = now, used
        return quiet
