"""Pull requests that a sentence calls the fix, a revert or a re-land. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.triage.sentences import Basis, around, certainty, is_denied, parts, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import FixRole
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.mentions import NumberMention
    from bisect_tool.triage.page import Line

CALLED: dict[FixRole, str] = {
    "fix": "the page calls it the fix",
    "revert": "the page says that it reverts a change",
    "reland": "the page says that it re-lands a change",
}
_BY = r"(?: [\w#]+){0,2}? (?:by|in|with|via|through|as)\b"
_WORDS: tuple[tuple[FixRole, re.Pattern[str]], ...] = (
    (
        "fix",
        re.compile(
            rf"\b(?:fixed|solved|resolved|addressed|closed){_BY}|"
            r"\bfix (?:is )?in\b|\bfix:|\bfixing (?:this |it )?in\b|\bworkaround in\b|"
            r"\b(?:pr|pull request) (?:to|that|which) fix\w*\b|\bfix (?:pr|pull request)\b",
            re.IGNORECASE,
        ),
    ),
    ("revert", re.compile(rf"\b(?:reverted|backed out|rolled back){_BY}|\brevert is\b", re.IGNORECASE)),
    (
        "reland",
        re.compile(
            rf"\b(?:re-?(?:landed|applied|added|introduced|committed|merged)|rolled forward){_BY}|"
            r"\bre-?land is\b",
            re.IGNORECASE,
        ),
    ),
)
_FIXES_AFTER = re.compile(
    r"^[\s,):]*(?:(?:should|will|would|may|might|also) )*"
    r"(?:fix(?:es|ed)?|resolve[sd]?|solve[sd]?|addresse[sd]?)\b(?! (?:by|in|with|via|through)\b)",
    re.IGNORECASE,
)
_RELANDS_AFTER = re.compile(
    r"^[\s,):]*(?:(?P<later>should|will|would|may|might|is to) re-?(?:land|apply|add)|"
    r"re-?(?:lands|applies|adds))\b",
    re.IGNORECASE,
)
_UNDONE = re.compile(r"\b(?:reverting|revert of|without)\W*(?:(?:PR|commit)\W*)?$", re.IGNORECASE)
_LATER = re.compile(r"\b(?:will|to|can|must|being|needs?|wants?|gets?)\b[^.;]{0,15}$", re.IGNORECASE)
_ALONE = re.compile(r"\W*https?://github\.com/\S+/pull/\d+\W*")
_AND = re.compile(r"[\s,&`)(]*(?:and|or)?[\s`(]*(?:PR\s*)?")
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
    reverted: dict[int, tuple[int, ...]] = {}  # what each revert of the line takes back
    for start, sentence in parts(line):
        inside = [
            each
            for each in links.discussed(line)
            if start <= each.start < start + len(sentence) and links.is_own(each) and each.kind != "issue"
        ]
        for each in inside:
            before, after = around(line.text, each.start, each.end, start, start + len(sentence))
            near = each.start - len(before)
            evidence = source(line, sentence)
            if found := _role(before, after, _since_last(inside, each, near)):
                role, place, stop = found
                later = _LATER.search(before[:place]) and role != "fix"
                sure = "guess" if later or _is_planned(after) else certainty(sentence)
                about = _about(inside, near + place, near + stop) if role != "fix" else ()
                about = last if role == "revert" and not about and near + place <= start + _PRONOUN else about
                if role == "revert":
                    reverted[each.number] = about
                elif role == "reland" and about:
                    about = reverted.get(about[0], about)
                yield NamedFix(each.number, role, Basis(sure, CALLED[role], evidence), about, each.start)
            elif alone:
                basis = Basis("guess", "a comment contains only its URL", evidence)
                yield NamedFix(each.number, "fix", basis, (), each.start)
        last = _about(inside, len(line.text), len(line.text))


def _is_planned(after: str) -> bool:
    """Whether it says that a change will be landed again."""
    match = _RELANDS_AFTER.match(after)
    return match is not None and match["later"] is not None


def _since_last(inside: list[NumberMention], each: NumberMention, near: int) -> int:
    """Where the words about a number begin: behind the one before it, unless only `and` is between them."""
    at = inside.index(each)
    if not at:
        return 0
    return inside[at - 1].end - near


def _role(before: str, after: str, since: int) -> tuple[FixRole, int, int] | None:
    """By the nearest word before it, or one after it; with where in the text before it that word is."""
    since = 0 if _AND.fullmatch(before, max(since, 0)) else since
    words = [
        (match.end(), match.start(), role)
        for role, pattern in _WORDS
        for match in pattern.finditer(before)
        if len(before) - match.end() <= _REACH and match.end() > since
    ]
    role: FixRole
    if _RELANDS_AFTER.match(after) and not _UNDONE.search(before):
        place, stop, role = len(before), len(before), "reland"
    elif words:
        stop, place, role = max(words)
    elif _FIXES_AFTER.match(after) and not _UNDONE.search(before):
        place, stop, role = 0, 0, "fix"
    else:
        return None
    return None if is_denied(before, place, len(before)) else (role, place, stop)


def _about(inside: list[NumberMention], place: int, stop: int) -> tuple[int, ...]:
    """The change in or right before the words of a role, if the sentence names one."""
    before = [each.number for each in inside if each.end <= stop or each.end <= place]
    return (before[-1],) if before else ()
