"""The sentences of a page, and how sure their writers are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.triage.facts import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import Certainty
    from bisect_tool.triage.page import Line

_QUOTED_LIMIT = 300
_NEAR = 120
_BULLETS = " \t-*•"
_END = re.compile(r"(?<=[.!?])(?<!\bvs\.)(?<!\bcf\.)(?<!\be\.g\.)(?<!\b[Nn]o\.)\s+(?=[A-Z\"'(\[@#])")
_HEDGE = re.compile(
    r"\b(?:may|might|could|maybe|perhaps|probably|possibl[ey]|likely|plausibl[ey]|potential(?:ly)?|presumably|seems?|"
    r"appears?|suspect(?:ed|s)?|"
    r"bet|apparently|reckon|hunch|(?:fairly|pretty|almost) sure|assum(?:e|ing)|"
    r"(?:not sure|unsure|unclear|wonder(?:ing)?)(?! (?:why|how)\b)|"
    r"guess|think|believe|looks? like|should(?: be)?|if|whether|somewhere)\b|\?",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|never|nor|neither|nothing to do with|unrelated|unlikely|rather than|instead of|no longer|"
    r"rul(?:ed|ing) out|innocent)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Basis:
    """Why a fact is believed."""

    certainty: Certainty
    reason: str
    source: Source


def sentences(line: Line) -> Iterator[str]:
    """The sentences of a line."""
    yield from (sentence for _, sentence in parts(line))


def parts(line: Line) -> tuple[tuple[int, str], ...]:
    """The sentences of a line, each with its place in it."""
    return _parts(line.text)


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[tuple[int, str], ...]:
    ends = [match.span() for match in _END.finditer(text)]
    starts = [0, *(stop for _, stop in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return tuple((start, text[start:stop]) for start, stop in zip(starts, stops, strict=True) if start < stop)


def around(text: str, start: int, end: int, first: int = 0, last: int | None = None) -> tuple[str, str]:
    """The words near a part of a text, before and after it, between two places."""
    stop = len(text) if last is None else last
    return text[max(first, start - _NEAR) : start], text[end : min(stop, end + _NEAR)]


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
