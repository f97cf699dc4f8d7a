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
    COMPLAINED_OF = 24
    UNEXPLAINED = 25
    PARENT_GONE = 30
    WORKER_DIED = 35
    PIPE_BROKEN = 40
    LEAK = 45
    DIED = 50
    CLIENT_TOLD = 55
    SERVER_GONE = 60
    SUITE = 70


@dataclass(frozen=True, slots=True)
class Known:
    """A text that is recognised wherever it stands.

    Attributes:
        mark: literal text that it holds; searching for it is many times cheaper than matching.
        stage: how far it stands from a cause.
        kind: of the event it makes.
        severity: of the event it makes.
        role: its writer, where the line names none.
        pattern: what the text matches, where the mark alone does not tell.
    """

    mark: str
    stage: Stage
    kind: Kind = "log"
    severity: Severity = "error"
    role: str = ""
    pattern: str = ""

    def is_in(self, text: str) -> bool:
        """Whether this text stands in `text`."""
        return self.mark in text and (not self.pattern or bool(re.search(self.pattern, text)))


_MISUSE = r": error: (?:unrecognized arguments|argument |the following arguments|ambiguous option)"
_LEAKED = r"resource_tracker: There appear to be \d+ leaked \w+ objects?"

KNOWN = (
    Known("resource_tracker: There appear", Stage.LEAK, "leak", "warning", "Launcher", _LEAKED),
    Known("Fatal Python error", Stage.CAUSE, "exception", pattern=r"^Fatal Python error"),
    Known("terminate called after throwing", Stage.CAUSE, "exception", pattern=r"^terminate called"),
    Known("Segmentation fault", Stage.CAUSE, "exception", pattern=r"^(?:!+ )?Segmentation fault"),
    Known(": error: ", Stage.CAUSE, pattern=_MISUSE),
    Known("EngineDeadError", Stage.CLIENT_TOLD),
    Known("EngineCore encountered an issue", Stage.CLIENT_TOLD),
    Known("WorkerProc initialization failed", Stage.START_FAILED),
    Known("Worker failed with error", Stage.START_FAILED),
    Known("WorkerProc failed to start", Stage.START_FAILED),
    Known("EngineCore failed to start", Stage.ENGINE_FAILED),
    Known("Engine core initialization failed", Stage.ENGINE_FAILED),
    Known("EngineCore encountered a fatal error", Stage.ENGINE_FAILED),
    Known("root cause", Stage.ENGINE_FAILED, pattern=r"[Ss]ee (?:root cause|(?:the )?stack trace)"),
    Known("Parent process exited, terminating worker", Stage.PARENT_GONE, severity="info"),
    Known("BrokenPipeError", Stage.PIPE_BROKEN),
    Known("Broken pipe", Stage.PIPE_BROKEN),
    Known("ConnectionResetError", Stage.PIPE_BROKEN),
    Known("ConnectionAbortedError", Stage.PIPE_BROKEN),
    Known("ConnectionRefusedError", Stage.PIPE_BROKEN),
    Known("Connection closed by peer", Stage.PIPE_BROKEN),
    Known("Connection reset by peer", Stage.PIPE_BROKEN),
    Known("EOFError", Stage.PIPE_BROKEN),
    Known("IncompleteReadError", Stage.PIPE_BROKEN),
    Known("CancelledError", Stage.PIPE_BROKEN),
    # What vLLM's reader of a shared-memory ring raises when it is told to end.
    Known("RuntimeError: cancelled", Stage.PIPE_BROKEN, "exception", pattern=r"^RuntimeError: cancelled$"),
    Known("KeyboardInterrupt", Stage.PIPE_BROKEN),
    Known("ContextTerminated", Stage.PIPE_BROKEN),
    Known("Context was terminated", Stage.PIPE_BROKEN),
    # Of a worker that was killed from outside this is the only word; pipes break after it, not before.
    Known("Worker proc ", Stage.WORKER_DIED, pattern=r"^Worker proc \S+ died unexpectedly"),
    Known("died unexpectedly", Stage.DIED),
    Known("ngine core died", Stage.DIED),
    Known("died with exit code", Stage.DIED, "exit"),
    Known("SystemExit", Stage.DIED, "exit"),
    Known(
        "process", Stage.DIED, pattern=r"(?:API ?server|Coordinator) process(?:es)? .{0,80}(?:died|exited)"
    ),
    Known("Server exited unexpectedly", Stage.SERVER_GONE, "exit", role="Test"),
    Known("Failed to start server", Stage.SERVER_GONE, "exit", role="Test"),
    Known("Servers failed to start", Stage.SUITE, role="Test"),
)


def recognise(text: str) -> Known | None:
    """Return what is known of `text`, or None."""
    return next((known for known in KNOWN if known.is_in(text)), None)


def stage(event: Event) -> Stage:
    """Return how far `event` stands from a cause."""
    if event.kind in {"test", "hang"}:
        return Stage.SUITE
    if known := recognise(event.headline):
        return known.stage
    if event.kind == "leak":
        return Stage.LEAK
    return Stage.CAUSE if event.kind == "exception" else Stage.UNEXPLAINED
