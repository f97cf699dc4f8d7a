"""The sentences of a page, and how sure their writers are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.triage.facts import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import Certainty
    from bisect_tool.triage.page import Line

_QUOTED_LIMIT = 300
_BULLETS = " \t-*•"
_END = re.compile(r"(?<=[.!?])(?<!\bvs\.)(?<!\bcf\.)(?<!\be\.g\.)(?<!\b[Nn]o\.)\s+(?=[A-Z\"'(\[@#])")
_HEDGE = re.compile(
    r"\b(?:may|might|could|maybe|perhaps|probably|possibl[ey]|likely|plausibl[ey]|potential(?:ly)?|presumably|seems?|"
    r"appears?|suspect(?:ed|s)?|"
    r"guess|think|believe|looks? like|not sure|unsure|should(?: be)?|wonder(?:ing)?|"
    r"if|whether|unclear|somewhere)\b|\?",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|never|nor|neither|nothing to do with|unrelated|unlikely|rather than|instead of|no longer|"
    r"rul(?:ed|ing) out|innocent)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Basis:
    """Why something is taken for true."""

    certainty: Certainty
    reason: str
    source: Source


def sentences(line: Line) -> Iterator[str]:
    """The sentences of a line."""
    yield from (part for part in _END.split(line.text) if part)


def parts(line: Line) -> Iterator[tuple[int, str]]:
    """The sentences of a line, each with its place in it."""
    at = 0
    for sentence in sentences(line):
        start = line.text.index(sentence, at)
        at = start + len(sentence)
        yield start, sentence


def certainty(sentence: str) -> Certainty:
    """`guess` where the writer has a reservation, else `stated`."""
    return "guess" if _HEDGE.search(sentence) else "stated"


def is_denied(sentence: str, start: int, end: int) -> bool:
    """Whether a word of denial is in a clause, or right before it."""
    clause = sentence.rfind(";", 0, start) + 1
    return bool(_DENIAL.search(sentence[max(start - 30, clause) : end]))


def source(line: Line, sentence: str = "") -> Source:
    """The place and text of a sentence; a long text is cut."""
    return Source(place=line.place, text=clean_line((sentence or line.text).lstrip(_BULLETS), _QUOTED_LIMIT))
