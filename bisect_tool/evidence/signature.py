"""Compute failure signatures: two failures are the same if their signatures are equal."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.evidence.exit_codes import EXIT_STATEMENT, exit_in
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from bisect_tool.evidence.event import Event, Frame
    from bisect_tool.evidence.patterns import Patterns

MESSAGE_LIMIT = 160
_MAX_PASSES = 8

_HEX = r"(?:[0-9a-f]{7,64}|[0-9A-F]{7,64})(?![A-Za-z0-9])"
_RANKS = re.compile(rf"(?<=[A-Za-z])(?:[_-](?:(?:[A-Z]{{2,4}})?\d+(?![A-Za-z0-9])|{_HEX}))+")
"""Ranks, process ids and random ids that are joined to a name; digits alone may be any of these."""

# Longer patterns come first; every pattern is linear, and none matches a placeholder.
_UNIT = r"(?:\s?(?:[KMGT]i?B|bytes|ns|us|ms|s|sec(?:ond)?s?|min(?:ute)?s?)\b)?"
_PLACEHOLDERS = (
    (re.compile(r"\b[a-z][a-z0-9+.]{1,9}://[^\s'\"<>)\]}]+"), "<url>"),
    (
        re.compile(r"(?<![A-Za-z0-9])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![A-Za-z0-9])"),
        "<id>",
    ),
    (re.compile(r"\b0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b(?:localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?\b"), "<address>"),
    (re.compile(r"(?<![\w<>./])(?:~|\.{1,2})?/[^\s'\",:;()\[\]{}<>]+"), "<path>"),
    (re.compile(r"(?<![A-Za-z0-9])(?:psm|mp|sem|tmp)[-_]\w{6,}"), "<id>"),
    # Names made by Python's tempfile and by mktemp(1).
    (re.compile(r"(?<![A-Za-z0-9])tmp(?:[a-z0-9_]{8}|\.[A-Za-z0-9]{10})(?![A-Za-z0-9_])"), "<id>"),
    (_RANKS, ""),
    (re.compile(r"'[^']{41,}'|\"[^\"]{41,}\""), "<text>"),
    # 2 in 100 hexadecimal ids of 8 digits have no letter, and look like a number, so both become `<n>`.
    # Digits after a decimal point are not an id.
    (re.compile(rf"(?:(?<!\w)[-+])?(?<![A-Za-z0-9])(?<!\d[.,]){_HEX}(?:[.,_]\d+)*%?{_UNIT}"), "<n>"),
    (re.compile(rf"(?<!\w)[-+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?%?{_UNIT}"), "<n>"),
    (re.compile(r"((?:'[^']{0,40}': )?'?<(?:n|id|path|text|address|url)>'?)(?:,? \1)+"), r"\1"),
)
# Numbers that distinguish failures.
_SIGNIFICANT_NUMBERS = re.compile(
    r"(\[Errno -?\d+\]|\bHTTP \d{3}\b|\b[45]\d\d (?:Client Error|Server Error|Too Many Requests|Internal)"
    rf"|\b(?:GET|POST|PUT|DELETE|HEAD) /[\w/.-]*|{EXIT_STATEMENT})",
    re.IGNORECASE,
)

_LIBRARY = re.compile(r"^.*/(?:site|dist)-packages/")
_STDLIB = re.compile(r"^<|/lib(?:64|32)?/python3\.\d+/(?!(?:site|dist)-packages/)|\.pyx$|/bin/[^/]+$")
_TREE = re.compile(r"^.*/(?:slot-?\d+|[0-9a-f]{7,40}|worktrees?/[^/]+|trees/[^/]+|pytest-\d+/[^/]+)/")


class Signature(BaseModel):
    """The identity of a failure across runs and commits.

    Attributes:
        role: process role without its numbers: `Worker`, `Launcher`, `Test`.
        exception: dotted name of the exception type, or empty.
        message: the message with numbers, addresses, paths and ids replaced.
        frame: innermost frame of the engine (or of the suite) as `file:function`, or empty; for a command,
            the failed test.
        exit: exit code or signal as text, for a command or a process of which only its end is known; else
            empty.
    """

    model_config = ConfigDict(frozen=True)

    role: str
    exception: str
    message: str
    frame: str = ""
    exit: str = ""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.role, self.exit, self.exception, self.message) if part)
        return f"{text} ({self.frame})" if self.frame else text


def signature_of(event: Event) -> Signature:
    """Return the signature of `event`: stable across runs, machines and commits."""
    # A hang is noticed wherever the deadline passes, so its frame and progress mean nothing.
    hang = event.kind == "hang"
    return Signature(
        role=general_role(event.role),
        exception=event.exception,
        message=normalise(event.message.partition(" (")[0] if hang else event.message),
        frame="" if hang else engine_frame(event.frames) if event.own_frame is None else event.own_frame,
        exit=event.exit or ("" if event.exception else exit_in(event.message)),
    )


def general_role(role: str, known: Patterns = PATTERNS) -> str:
    """Return `role` without its numbers: `Worker_DP0_TP1` is a `Worker`, `Server_2` a `Server`."""
    name = _RANKS.sub("", role)
    return known.aliases.get(name, name)


@lru_cache(maxsize=4096)
def normalise(message: str) -> str:
    """Return `message` with placeholders for everything that differs between two runs; idempotent."""
    text, before = clean_line(message, 4 * MESSAGE_LIMIT), None
    # A replacement can uncover another one (`abc1234_DP0`), rarely more than once: the limit is not reached.
    for _ in range(_MAX_PASSES):
        if text == before:
            break
        text, before = _normalise_once(text), text
    return text


def _normalise_once(text: str) -> str:
    parts = _SIGNIFICANT_NUMBERS.split(text)
    text = "".join(part if index % 2 else _replace_variable_parts(part) for index, part in enumerate(parts))
    if len(text) <= MESSAGE_LIMIT:
        return text
    return (text[: MESSAGE_LIMIT + 1].rpartition(" ")[0] or text[:MESSAGE_LIMIT]).rstrip()


def _replace_variable_parts(text: str) -> str:
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return text


def engine_frame(frames: tuple[Frame, ...], known: Patterns = PATTERNS) -> str:
    """Return the innermost frame of a test file, else of the engine, as `file:function`; else empty."""
    tests = [frame for frame in frames if frame.file.rpartition("/")[2].startswith("test_")]
    own = [frame for frame in frames if _is_engine(frame.file, known)]
    library = [frame for frame in frames if not _STDLIB.search(frame.file)]
    chosen = tests or own or library
    return f"{stable_path(chosen[-1].file, known)}:{chosen[-1].function}" if chosen else ""


def stable_path(file: str, known: Patterns = PATTERNS) -> str:
    """Return `file` without the parts that differ between machines, worktrees and environments."""
    if _LIBRARY.match(file):
        return _LIBRARY.sub("", file)
    parts = _TREE.sub("", file).split("/")
    for package in known.packages & set(parts[:-1]):
        return "/".join(parts[len(parts) - 1 - parts[::-1].index(package) :])
    return "/".join(parts if _TREE.match(file) else parts[-2:])


def _is_engine(file: str, known: Patterns) -> bool:
    if _STDLIB.search(file):
        return False
    library = _LIBRARY.match(file)
    return library is None or known.is_own(file[library.end() :])
