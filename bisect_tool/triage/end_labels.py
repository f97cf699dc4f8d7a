"""The words by which pages name the ends of a range. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bisect_tool.triage.compared_refs import REF, TAG
from bisect_tool.triage.sentences import certainty, is_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import Certainty
    from bisect_tool.triage.page import Line

Side = Literal["good", "bad"]
EXPLICIT, NAMED, IN_PASSING = 0, 1, 2
"""Ranks of labels: `last passing build: X`, `good: X`, `it is green at X`."""

_THING = (
    r"(?:\s+(?:\w+\s+)?(?:builds?|commits?|nightl(?:y|ies)|dail(?:y|ies)|runs?|revisions?|versions?|shas?|"
    r"main|night))?"
)
_GREEN = r"(?:pass(?:ing|ed|es)?|good|green|success(?:ful)?|working|clean|ok|stable(?= build))"
_RED = r"(?:fail(?:ing|ed|ures?|s)?|bad|red|broken?|breaking)"
_OWN_LINE = r"^\W*{}(?:\s+(?:end|commit|build))?\s*[:=]"
_IN_ORDER = r"^\W*(?:{}) (?:commit|revision)(?: (?:hash|sha|id))?\b[^:=]{{0,20}}[:=]"
_PATTERNS: tuple[tuple[Side, int, str], ...] = (
    ("good", EXPLICIT, rf"\b(?:last|latest|most recent|newest)\s+(?:known\s+)?{_GREEN}\b{_THING}"),
    (
        "bad",
        EXPLICIT,
        (
            rf"\b(?:first|earliest)[\s-]+(?:known\s+|observed\s+)?[\"'\u201c]?{_RED}\b[\"'\u201d]?"
            rf"(?! in \d+ ?d\b){_THING}"
            r"|\bcurrent streak start\b"
        ),
    ),
    ("good", NAMED, r"^\W*(?:control|baseline)(?: \w+)? commit\s*[:=]"),
    ("bad", NAMED, r"^\W*treatment(?: \w+)? commit\s*[:=]"),
    ("good", NAMED, _IN_ORDER.format("start|old")),
    ("bad", NAMED, _IN_ORDER.format("end|new")),
    ("good", NAMED, rf"\bgit bisect good\b|\bknown[- ]good\b{_THING}|--good[ =]|{_OWN_LINE.format('good')}"),
    ("bad", NAMED, rf"\bgit bisect bad\b|\bknown[- ]bad\b{_THING}|--bad[ =]|{_OWN_LINE.format('bad')}"),
    (
        "good",
        IN_PASSING,
        (
            r"\b(?:green|passing|passe[sd]|work(?:s|ed|ing)|fine|ok)\s+(?:at|on|with|in|as of|up to|until)"
            rf"(?=\s+(?:commit\s+)?{REF}\b)"
            r"|\b(?:downgrad(?:e|ed|es|ing)|(?:went|going|rolled|rolling) back|revert(?:ed|ing)?) to"
            rf"(?=\s+(?:version\s+)?{TAG}\b)(?!.{{0,80}}?(?:\bnot\b|n['\u2019]t\b))"
        ),
    ),
    (
        "bad",
        IN_PASSING,
        (
            rf"\b(?:{_RED}|regressed)\b[^.;]{{0,60}}?\b(?:since|starting (?:at|on|with|from)|as of)"
            r"(?:\s+(?:before|somewhere before))*\b"
            r"|\bstarted (?:to fail|failing)\s+(?:at|on|with|in|from|after|since)\b"
            rf"|\b(?:fail(?:s|ed|ing)?|red|broken|breaks)\s+(?:at|on|with|in)(?=\s+(?:commit\s+)?{REF}\b)"
            r"|\b(?:after|since|when) (?:the )?(?:upgrad|updat)(?:ing|e)"
            rf"(?: from {REF})? to(?=\s+(?:version\s+)?{TAG}\b)"
        ),
    ),
)
_LABELS = tuple((side, rank, re.compile(pattern, re.IGNORECASE)) for side, rank, pattern in _PATTERNS)
_FIRST_BAD = re.compile(r"\bfirst[ -]bad commit\b", re.IGNORECASE)
_ONLY_ORDERED = re.compile(r"\W*(?:start|old|end|new)\b", re.IGNORECASE)
_NOTHING = re.compile(r"\W{0,9}[:=]\W{0,9}[\u2014\u2013-]\W{0,9}")
_NOT = re.compile(r"\W*(?:(?:is|was)\s+)?not\b", re.IGNORECASE)
_OTHER_PROJECT = re.compile(r" (?!CI\b|SHA\b)[A-Z]\w+ ")
_NEXT_CLAUSE = re.compile(
    r";|\.\s|\|\s*(?=first|last)|\bfirst\b|\blast\b|\band (?:has|it|is|now)\b", re.IGNORECASE
)
_BEFORE = re.compile(r"(?:\b[0-9a-f]{7,40}|#\d+)\s*(?:\(|(?:is|was) the (?:\w+ )?|= )\s*$")


@dataclass(frozen=True)
class Label:
    """A label in a line, and where in the line its value is.

    Attributes:
        side: the end that it is about.
        rank: how explicit it is; less is more.
        words: the label itself.
        start: where the value begins.
        stop: where it ends.
        last: whether nothing but punctuation follows the label, so that the next line may have the value.
        certainty: how sure its sentence is.
    """

    side: Side
    rank: int
    words: str
    start: int
    stop: int
    last: bool
    certainty: Certainty


def labels(line: Line) -> Iterator[Label]:
    """The labels of a line, those in passing only if the line does not deny them."""
    for side, rank, pattern in _LABELS:
        for match in pattern.finditer(line.text):
            denied = is_denied(line.text, match.start(), match.end())
            if _FIRST_BAD.match(line.text, match.start()):  # a bisection's result yields to its own ends
                if not (denied or _NOT.match(line.text, match.end())):
                    yield _label(line, side, NAMED, match)
                continue
            if _NOT.match(line.text, match.end()):
                continue
            casual = rank == IN_PASSING and (line.code or denied)
            if not casual:
                yield _label(line, side, rank, match)


def _label(line: Line, side: Side, rank: int, match: re.Match[str]) -> Label:
    text, start = line.text, match.end()
    clause = _NEXT_CLAUSE.search(text, start)
    stop = clause.start() if clause else len(text)
    last = re.fullmatch(r"\W*(?:is|was)?\W*", text[start:]) is not None
    last = last and not _NOTHING.fullmatch(text, start)  # `last passing build: -`
    before = _BEFORE.search(text[: match.start()])
    if before and (text[start : start + 1] == ")" or last):  # `90c8218 (last passing commit)`
        start, stop, last = before.start(), match.start(), False
    sure = certainty(text[match.start() : stop]) if rank else "stated"
    if _OTHER_PROJECT.search(match[0]) or _ONLY_ORDERED.match(match[0]):
        sure = "guess"
    return Label(side, rank, match[0].strip(" :=-*•"), start, stop, last, sure)
