"""Lines after which a server cannot come up: whoever waits for it can stop."""

from __future__ import annotations

import re

from bisect_tool.evidence.demux import take_apart

# Cheap on the many lines that are healthy: a plain search first, the line taken apart only on a hit.
_FATAL = re.compile(
    r"WorkerProc (?:initialization failed|failed to start)"
    r"|Engine core initialization failed"
    r"|EngineCore failed to start"
    r"|EngineCore encountered a fatal error"
    r"|Engine core proc \S+ died unexpectedly"
    r"|DP Coordinator process (?:failed|died)"
    r"|Failed to start server"
    r"|Servers? (?:exited unexpectedly|failed to start)"
    r"|Failed core proc\(s\)"
    r"|Process (?:EngineCore|Worker|VllmWorker|ApiServer|APIServer|DPCoordinator)\w*:\s*$"
    r"|[Aa]ddress already in use|EADDRINUSE"
    r"|: error: (?:unrecognized arguments|argument |the following arguments|ambiguous option)"
)
_FATAL_LEVELS = frozenset({"", "ERROR", "CRITICAL"})


def is_fatal(text: str) -> bool:
    """Whether a server that prints `text` (one line, with or without prefix) cannot come up any more."""
    if not _FATAL.search(text):
        return False
    said = take_apart(text)
    return said.level in _FATAL_LEVELS and bool(_FATAL.search(said.text)) and not said.text[:1].isspace()
