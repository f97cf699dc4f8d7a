"""Who wrote a line: the `(Role pid=N)` prefix, the `Role:` of summaries, and the logger's head.

The forms are those of vLLM v1 (`vllm/logging_utils`, `vllm/utils/system_utils`), of uvicorn, of pytest's
reports, and of CI systems that put a time stamp before every line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bisect_tool.text import clean_line

LINE_LIMIT = 2000
LAUNCHER, TEST = "Launcher", "Test"

# Another process's line may follow, on the same line, a pytest mark or a progress bar that has not ended yet.
_GLUE = (
    r"(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,]+Z?\]?\s+)?"
    r"(?:(?:\S+::\S+\s+)?(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|[.FEsx])?\s*(?:\[\s*\d+%\])?\s*"
    r"|[^|(]{0,200}\|[^|]{0,200}\|[^\]]{0,100}\]\s*)"
)
_PREFIX = re.compile(r"\((?P<role>[A-Za-z][\w.-]*)(?: rank=\d+)? pid=(?P<pid>\d{1,9})[^)]{0,80}\) ?")
_FIRST_PREFIX = re.compile(f"{_GLUE}{_PREFIX.pattern}")
_LEVEL = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_BEFORE_HEAD = re.compile(rf"{_GLUE}(?:collecting \.\.\. )?(?={_LEVEL} \d\d-\d\d \d\d:)")
_STAMP = re.compile(r"\[?\d{4}-\d\d-\d\d[T ][\d:.,]+Z?\]?\s")
_TORCH_RANK = re.compile(r"\[rank\d+\]: ?")
_PYTEST_MARGIN = re.compile(r"E {2,}")
_SUMMARY = re.compile(
    r"(?P<role>(?:EngineCore|VllmWorker|Worker|ApiServer|APIServer|DPCoordinator|DP Coordinator|Launcher)"
    r"(?:[_-]\w+)?): (?=\S)"
)
_HEAD = re.compile(
    rf"(?P<level>{_LEVEL})"
    r"(?:(?P<stamped> \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \[[^\]\s]+:\d+\]) ?|: {1,8}(?=\S))"
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line taken apart.

    Attributes:
        role: innermost, most specific role named; empty where none is.
        pid: process id named; None where none is.
        level: the logger's level; empty for plain output.
        head: the logger's whole head (level, time, place), the same on every line of one record; empty for
            loggers that print it once (uvicorn).
        text: what is left, cleaned.
    """

    role: str
    pid: int | None
    level: str
    head: str
    text: str


def take_apart(raw: str) -> Utterance:
    """Split a raw line into who says it, at which level, and what."""
    # Progress bars redraw themselves with carriage returns: only what stands last is on the screen.
    text = clean_line(raw.rstrip("\r\n").rpartition("\r")[2], LINE_LIMIT)
    role, pid, at = _who(text)
    if rank := _TORCH_RANK.match(text, at):
        at = rank.end()
    head = _HEAD.match(text, at)
    if head is None:
        return Utterance(role, pid, "", "", text[at:])
    record = text[at : head.end("stamped")] if head["stamped"] else ""
    return Utterance(role, pid, head["level"], record, text[head.end() :])


def _who(text: str) -> tuple[str, int | None, int]:
    """Return role, pid and where the rest begins."""
    match = _FIRST_PREFIX.match(text) if "pid=" in text else None
    if match is None:
        stamp = _STAMP.match(text) or _BEFORE_HEAD.match(text)
        at = stamp.end() if stamp else 0
        if margin := _PYTEST_MARGIN.match(text, at):
            return TEST, None, margin.end()
        summary = _SUMMARY.match(text, at)
        return (summary["role"], None, summary.end()) if summary else ("", None, at)
    role, pid = match["role"], int(match["pid"])
    while inner := _PREFIX.match(text, match.end()):
        match = inner
        role = role if int(inner["pid"]) == pid and len(role) > len(inner["role"]) else inner["role"]
        pid = int(inner["pid"])
    return role, pid, match.end()
