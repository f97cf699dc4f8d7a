"""Pull requests that a sentence calls the fix, a revert or a re-land. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.triage.sentences import Basis, certainty, is_denied, parts, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import FixRole
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.mentions import NumberMention
    from bisect_tool.triage.page import Line

CALLED: dict[FixRole, str] = {
    "fix": "the page calls it the fix",
    "revert": "the page says that a change was reverted in it",
    "reland": "the page says that a change was landed again in it",
}
_BY = r"(?: \w+){0,2}? (?:by|in|with|via|through)\b"
_WORDS: tuple[tuple[FixRole, re.Pattern[str]], ...] = (
    (
        "fix",
        re.compile(
            rf"\b(?:fixed|solved|resolved|addressed|closed){_BY}|"
            r"\bfix (?:is )?in\b|\bfix:|\bfixing (?:this |it )?in\b|\bworkaround in\b|"
            r"\b(?:pr|pull request) (?:to|that|which) fix\w*\b",
            re.IGNORECASE,
        ),
    ),
    ("revert", re.compile(rf"\b(?:reverted|backed out){_BY}", re.IGNORECASE)),
    ("reland", re.compile(rf"\bre-?(?:landed|applied|added|introduced){_BY}", re.IGNORECASE)),
)
_FIXES_AFTER = re.compile(
    r"^[\s,):]*(?:(?:should|will|would|may|might|also) )*"
    r"(?:fix(?:es|ed)?|resolve[sd]?|solve[sd]?|addresse[sd]?)\b",
    re.IGNORECASE,
)
_UNDONE = re.compile(r"\b(?:reverting|revert of|without)\W*(?:(?:PR|commit)\W*)?$", re.IGNORECASE)
_LATER = re.compile(r"\b(?:will|to|can|must|being|needs?|wants?|gets?)\b[^.;]{0,15}$", re.IGNORECASE)
_ALONE = re.compile(r"\W*https?://github\.com/\S+/pull/\d+\W*")
_REACH = 40
_PRONOUN = 20


class NamedFix(NamedTuple):
    """A pull request, what a sentence calls it, and the changes that it is said to revert or land again."""

    pull: int
    role: FixRole
    basis: Basis
    about: tuple[int, ...]
    start: int


def named_fixes(links: Links, line: Line) -> Iterator[NamedFix]:
    """What sentences call a fix, a revert or a re-land, and a line that is nothing but an address."""
    if line.code or line.pull is not None:
        return
    alone = _ALONE.fullmatch(line.text)
    last: tuple[int, ...] = ()  # the change that the sentence before ends with
    for start, sentence in parts(line):
        inside = [
            each
            for each in links.discussed(line)
            if start <= each.start < start + len(sentence) and links.is_own(each) and each.kind != "issue"
        ]
        for each in inside:
            before, after = line.text[start : each.start], line.text[each.end : start + len(sentence)]
            said = source(line, sentence)
            if found := _role(before, after):
                role, place = found
                sure = "guess" if _LATER.search(before[:place]) and role != "fix" else certainty(sentence)
                about = _about(inside, start + place) if role != "fix" else ()
                about = last if role == "revert" and not about and place <= _PRONOUN else about
                yield NamedFix(each.number, role, Basis(sure, CALLED[role], said), about, each.start)
            elif alone:
                basis = Basis("guess", "somebody posted its address alone", said)
                yield NamedFix(each.number, "fix", basis, (), each.start)
        last = _about(inside, len(line.text))


def _role(before: str, after: str) -> tuple[FixRole, int] | None:
    """By the nearest word before it, else by the one after it; with the place of that word."""
    words = [
        (match.end(), match.start(), role)
        for role, pattern in _WORDS
        for match in pattern.finditer(before)
        if len(before) - match.end() <= _REACH
    ]
    if words:
        _, place, role = max(words)
    elif _FIXES_AFTER.match(after) and not _UNDONE.search(before):
        place, role = 0, "fix"
    else:
        return None
    return None if is_denied(before, place, len(before)) else (role, place)


def _about(inside: list[NumberMention], place: int) -> tuple[int, ...]:
    """The change right before the word, if the sentence names one."""
    before = [each.number for each in inside if each.end <= place]
    return (before[-1],) if before else ()
