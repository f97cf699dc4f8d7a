"""Texts that are known to be consequences: what they are, and how far they stand from a cause.

The texts are those of vLLM v1 (`vllm/v1/engine`, `vllm/v1/executor`), of its test utilities, of
`multiprocessing`, of pipes and sockets. A stage orders a failure chain: a consequence is the root only when
nothing of a lower stage is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.evidence.event import Event, Kind, Severity


class Stage(IntEnum):
    """How far an event stands from the cause, in causal order."""

    CAUSE = 0
    START_FAILED = 10
    ENGINE_FAILED = 20
    REPORTED = 24
    UNEXPLAINED = 25
    PARENT_GONE = 30
    PIPE_BROKEN = 40
    LEAK = 45
    DIED = 50
    SERVER_GONE = 60
    SUITE = 70


@dataclass(frozen=True, slots=True)
class Known:
    """A text that is recognised wherever it stands; `role` is its writer where the line names none."""

    pattern: str
    stage: Stage
    kind: Kind = "log"
    severity: Severity = "error"
    role: str = ""


KNOWN = (
    Known(
        r"resource_tracker: There appear to be \d+ leaked \w+ objects?",
        Stage.LEAK,
        "leak",
        "warning",
        "Launcher",
    ),
    Known(
        r"^Fatal Python error|^terminate called after throwing|^Segmentation fault", Stage.CAUSE, "exception"
    ),
    Known(r"WorkerProc initialization failed", Stage.START_FAILED),
    Known(r"Worker(?:Proc)? failed (?:to start|with error)", Stage.START_FAILED),
    Known(r"EngineCore failed to start", Stage.ENGINE_FAILED),
    Known(r"Engine core initialization failed", Stage.ENGINE_FAILED),
    Known(r"EngineCore encountered (?:a fatal error|an issue)", Stage.ENGINE_FAILED),
    Known(r"EngineDeadError", Stage.ENGINE_FAILED),
    Known(r"Parent process exited, terminating worker", Stage.PARENT_GONE, severity="info"),
    Known(r"BrokenPipeError|Broken pipe", Stage.PIPE_BROKEN),
    Known(r"Connection(?:Reset|Aborted|Refused)Error|Connection (?:closed|reset) by peer", Stage.PIPE_BROKEN),
    Known(r"\bEOFError\b|IncompleteReadError", Stage.PIPE_BROKEN),
    Known(r"\bCancelledError\b|\bKeyboardInterrupt\b", Stage.PIPE_BROKEN),
    Known(r"(?:ContextTerminated|Context was terminated)", Stage.PIPE_BROKEN),
    Known(r"died unexpectedly", Stage.DIED),
    Known(r"\bSystemExit\b", Stage.DIED, "exit"),
    Known(r"(?:API ?server|Coordinator|Engine ?core) process(?:es)? .{0,80}(?:died|exited)", Stage.DIED),
    Known(r"Server exited unexpectedly|Failed to start server", Stage.SERVER_GONE, "exit", role="Test"),
    Known(r"Servers failed to start", Stage.SUITE, role="Test"),
)

_ANY = re.compile("|".join(f"({known.pattern})" for known in KNOWN))


def recognise(text: str) -> Known | None:
    """Return what is known of `text`, or None."""
    match = _ANY.search(text)
    return KNOWN[match.lastindex - 1] if match and match.lastindex else None


def stage(event: Event) -> Stage:
    """Return how far `event` stands from a cause."""
    if event.kind in {"test", "hang"}:
        return Stage.SUITE
    if known := recognise(event.headline):
        return known.stage
    if event.kind == "leak":
        return Stage.LEAK
    return Stage.CAUSE if event.kind == "exception" else Stage.UNEXPLAINED
