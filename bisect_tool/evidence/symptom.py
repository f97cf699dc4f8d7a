"""Decide whether an event is only a symptom: a process reports that another one failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.patterns import Stage, known_stage

if TYPE_CHECKING:
    from bisect_tool.evidence.event import Event

# Errors that a test or a tool raises about another process.
_OF_ANOTHER_PROCESS = re.compile(
    r"\b(?:CalledProcessError|ProcessExitedException|ChildFailedError|ChildProcessError|ProcessRaisedException"
    r"|BrokenProcessPool|TerminatedWorkerError|WorkerCrashedError|ActorDiedError|EngineDeadError)\b"
    r"|returned non-zero exit status \d|\bworker '?\w+'? crashed while running"
    r"|\b(?:see|check) (?:the )?(?:logs?|stack ?trace|above|output)\b"
    r".{0,40}\b(?:root cause|details|for more|error)"
    r"|\bdied with <Signals\."
    r"|^\d+ failing$|^exit [1-9]\d*$"
    r"|^Process completed with exit code |^ERROR: Job failed: exit |Error: The command exited with status ",
    re.IGNORECASE,
)
_MAY_BE_CAUSES = frozenset(
    {
        Stage.CAUSE,
        Stage.TIMED_OUT,
        Stage.CRASHED,
        Stage.SIGNALLED,
        Stage.HANDLED,
        Stage.UNEXPLAINED,
        Stage.LEAK,
    }
)
# A program can also raise these for its own reasons.
_ALSO_CAUSES = ("EOFError", "SystemExit", "CancelledError", "IncompleteReadError")


def is_symptom(event: Event) -> bool:
    """Whether `event` cannot be a cause: the cause is in another process, or in another log."""
    text = event.headline
    if _OF_ANOTHER_PROCESS.search(text):
        return True
    if (known := known_stage(event)) is None or known in _MAY_BE_CAUSES:
        return False
    return event.kind != "test" or event.exception.rpartition(".")[2] not in _ALSO_CAUSES
