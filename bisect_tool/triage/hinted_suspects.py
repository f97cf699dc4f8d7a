"""Changes that a page only hints at: with a reservation, in a list, as the page of a revert. Pure."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.triage.sentences import Basis, around, parts, source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.triage.links import Links
    from bisect_tool.triage.named_changes import Named
    from bisect_tool.triage.page import Line

_CHANGE = r"\W*(?:(?:the|PRs?|commits?|https?)\W+)*$"
_HEDGED = re.compile(
    r"(?:^|[:;,(.]|\b(?:edit|update|but|and)\b)\W*"
    r"(?:(?:more |most )?likely|possibly|maybe|perhaps|probably|presumably|"
    r"my (?:bet|guess)(?: is| would be)?(?: on)?|i(?:'d| would)? (?:suspect|guess|blame))"
    rf"(?: it['\u2019]s| due to| because of| from| by)?{_CHANGE}",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"\b(?:think|believe|guess|suspect|likely|probably|may|might|could)\b[^.;]{0,30}"
    rf"\brelated to{_CHANGE}",
    re.IGNORECASE,
)
_FIRST_IN = re.compile(
    r"\b(?:first|started?)\s+(?:fail|break|seen|appear|show|observed|happen)\w*(?: up)?"
    rf" (?:in|with|from){_CHANGE}",
    re.IGNORECASE,
)
_NO_BLAME = re.compile(
    r"[\s,)]*(?:(?:will|would|should|may|might|could|can|also)\s+)*"
    r"(?:(?:is|was)\s+(?:the same|a dup|related|similar)|fix|resolve|solve|help|address|unblock)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[\s,/&)`]*(?:\b(?:or|and)\b)?[\s`(]*(?:(?:the|PR|commit)\s+)?", re.IGNORECASE)
_CANDIDATES = re.compile(r"\b(?:candidates?|suspects?|suspected|suspicious)\b", re.IGNORECASE)
_OTHER_CANDIDATES = re.compile(r"\b(?:fix|not)\b", re.IGNORECASE)
_LIST_ITEM = re.compile(r"[-*\u2022]|\d+[.)]")
_REVERTS = re.compile(r"\W*reverts $", re.IGNORECASE)
_REVERT_OF = re.compile(r"(?:\[[^\]]{1,40}\]\s*){0,4}revert\b", re.IGNORECASE)


class Hint(NamedTuple):
    """A change, why it may be at fault, and the line that says so."""

    named: Named
    basis: Basis
    at: int


def hints(links: Links, named: Sequence[Sequence[Named]]) -> Iterator[Hint]:
    """The changes that the page hints at, all of them guesses; `named` is what each line names."""
    listed = False
    for at, line in enumerate(links.page.lines):
        listed = _heads_candidates(line.text) or (listed and _LIST_ITEM.match(line.text) is not None)
        if line.code or line.pull is not None or not named[at]:
            continue
        if listed and _LIST_ITEM.match(line.text):
            basis = Basis("guess", "the page lists it as a candidate", source(line))
            yield Hint(named[at][0], basis, at)
        for each, reason in chain(
            _in_sentences(links, line, named[at]), _undone_by_page(at, line, named[at])
        ):
            yield Hint(each, Basis("guess", reason, source(line)), at)


def _heads_candidates(text: str) -> bool:
    """Whether a list of changes that may be at fault follows."""
    if not text.rstrip("* ").endswith(":"):
        return False
    return _CANDIDATES.search(text) is not None and not _OTHER_CANDIDATES.search(text)


def _in_sentences(links: Links, line: Line, named: Sequence[Named]) -> Iterator[tuple[Named, str]]:
    for start, sentence in parts(line):
        end, reason = start, ""
        for each in (each for each in named if start <= each.start < start + len(sentence)):
            before, after = around(line.text, each.start, each.end, start, start + len(sentence))
            joined = reason if reason and _JOINED.fullmatch(line.text, end, each.start) else ""
            reason = "" if _NO_BLAME.match(after) else joined or _reason(links, each, before)
            end = each.end
            if reason:
                yield each, reason


def _reason(links: Links, named: Named, before: str) -> str:
    """Why a change may be at fault, by the words right before it."""
    if _HEDGED.search(before):
        return "the page names it only as a possible cause"
    if _FIRST_IN.search(before):
        return "the page says that the failure first occurred in it"
    if named.pull in links.pull_numbers and _RELATED.search(before):
        return "the page says that it may be related"
    return ""


def _undone_by_page(at: int, line: Line, named: Sequence[Named]) -> Iterator[tuple[Named, str]]:
    """What a page that is itself the description of a revert takes back."""
    if _REVERTS.match(line.text[: named[0].start]) or (at < _TITLE and _REVERT_OF.match(line.text)):
        yield named[0], "the page is about its revert"


_TITLE = 2
"""The title is among the first lines."""
