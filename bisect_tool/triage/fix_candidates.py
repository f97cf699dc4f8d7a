"""Pull requests that are about ending the failure, and what each of them is for. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.triage import mentions
from bisect_tool.triage.facts import FixCandidate, Source
from bisect_tool.triage.named_fixes import CALLED, named_fixes
from bisect_tool.triage.sentences import around, certainty, is_denied, source
from bisect_tool.triage.undone_fixes import failed_again, undone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.triage.facts import FixRole
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.named_fixes import NamedFix
    from bisect_tool.triage.page import Line, Pull
    from bisect_tool.triage.undone_fixes import Place

_TRIAL = re.compile(
    r"\bdo not merge\b|\bdon'?t merge\b|\bDNM\b|\bno merge\b|\bfor (?:ci )?testing\b|\btesting whether\b|"
    r"\btest(?:ing)?(?: only)?\b[\s\]:]{0,3}.{0,20}\brevert|"
    r"\[(?:test(?:ing)?(?: only)?|experiment|wip|debug)\]",
    re.IGNORECASE,
)
_REVERT = re.compile(r"\brevert(?:s|ed|ing)?\b|\bback(?:s|ed)? out\b|\bbackout\b", re.IGNORECASE)
_RELAND = re.compile(
    r"\bre-?(?:appl(?:y|ies|ied)|add(?:s|ed)?|land(?:s|ed|ing)?|introduc\w+|store[sd]?)\b|\btake (?:two|2)\b",
    re.IGNORECASE,
)
_FIX = re.compile(r"\bfix(?:es|ed)?\b|\bresolve[sd]?\b", re.IGNORECASE)
_LANDED = re.compile(
    r"\b(?:were|was|been|got|is|are) (?:reverted|fixed|solved|resolved|re-?landed) (?:by|in|with)\b[\s:(]*$",
    re.IGNORECASE,
)
_DONE = re.compile(r"\b(?:is|was|been|it'?s) (?:now )?(?:fixed|solved|resolved)\b", re.IGNORECASE)
_MERGED_AFTER = re.compile(
    r"^[\s,)]*(?:has |was |is |got )?(?:been )?(?:just )?(?:merged|landed)\b", re.IGNORECASE
)
_ABOUT = re.compile(rf"\W*(?:this |it )?(?:{_REVERT.pattern}|{_RELAND.pattern})", re.IGNORECASE)
_ALREADY = re.compile(r"\bwhich (?:was|were) (?:\w+ )?by\b", re.IGNORECASE)
_BLAMES = re.compile(
    r"\b(?:culprit|caused?|broke|introduced|bisect\w*|regress\w*|fail\w* (?:since|after))\b", re.IGNORECASE
)
_QUOTED_TITLE = re.compile(r"[\"“](?P<title>.+)[\"”]")


class Found(NamedTuple):
    """The candidates; which of them ended the failure, and which one holds in the end."""

    candidates: tuple[FixCandidate, ...]
    ended_by: int | None
    final: int | None


class _Lines(NamedTuple):
    """A pull request and the lines of its description."""

    pull: Pull
    lines: Sequence[Line]


def find_fixes(links: Links) -> Found:
    """The fix candidates that the page describes or names, in its order."""
    landings = _landings(links)
    described = (_described(links, each, landings) for each in _descriptions(links))
    known = {each.pull: each for each in described if each is not None}
    called: dict[int, Place] = {}
    back: dict[int, Place] = {}
    for at, line in enumerate(links.page.lines):
        for named in named_fixes(links, line):
            called[named.pull] = at, named.start
            if named.role == "revert" and named.basis.certainty == "stated":
                back.update(dict.fromkeys(named.about, (at, named.start)))
            known.setdefault(named.pull, _mentioned(links, named, landings))
    found = tuple(known.values())
    lasting = tuple(_lasting(links, found, called, {**back, **undone(links)}))
    ended = _ended_by(links, lasting, found)
    final = _final(found, ended)
    return Found(found, ended, final if final in {each.pull for each in lasting} else ended)


def _lasting(
    links: Links, found: Sequence[FixCandidate], called: Mapping[int, Place], back: Mapping[int, Place]
) -> Iterator[FixCandidate]:
    """The candidates that the page does not take back after it calls them a fix."""
    again = failed_again(links)
    fixes = {each.pull for each in found if each.role == "fix"}
    for each in found:
        place = called.get(each.pull, (-1, 0))
        failed = each.reason == CALLED["fix"] and again > place
        if not (failed or back.get(each.pull, place) > place or fixes & {*each.reverts}):
            yield each


def _descriptions(links: Links) -> Iterator[_Lines]:
    lines: dict[int, list[Line]] = {}
    for line in links.page.lines:
        if line.pull is not None:
            lines.setdefault(line.pull, []).append(line)
    for pull in links.page.pulls.values():
        if pull.number != links.page.number or links.page.lines[0].text == pull.title:
            yield _Lines(pull, lines.get(pull.number, []))


def _described(links: Links, each: _Lines, landings: Mapping[int, Source]) -> FixCandidate | None:
    """A pull request whose title or description says that it is about the failure."""
    pull = each.pull
    lines = [line for line in each.lines if not line.text.startswith("PR #")]
    role, why, evidence = _role(links, pull, lines)
    if role is None:
        return None
    landed, landed_source = _landed(pull, landings)
    return FixCandidate(
        pull=pull.number,
        title=pull.title,
        role=role,
        landed=landed,
        landed_source=landed_source,
        reverts=_numbers(links, pull, lines, _REVERT, _RELAND),
        reapplies=_numbers(links, pull, lines, _RELAND, _REVERT),
        commit=links.commit_of_pull.get(pull.number, ""),
        certainty="stated",
        reason=why,
        source=evidence,
    )


def _role(links: Links, pull: Pull, lines: Sequence[Line]) -> tuple[FixRole | None, str, Source]:
    title = Source(place=pull.place, text=pull.title)
    unquoted = _QUOTED_TITLE.sub('""', pull.title)
    if _TRIAL.search(pull.title):
        return "trial", "its title says that it is not to be merged", title
    if _RELAND.search(unquoted):
        return "reland", "its title says that it re-lands a change", title
    if _REVERT.search(unquoted):
        return "revert", "its title says that it reverts a change", title
    for line in lines:
        if _closes(links, line.text):
            return "fix", "its description says that it fixes this issue", source(line)
    if _FIX.search(unquoted) and any(_mentions_issue(links, line) for line in lines):
        return "fix", "its title says that it fixes something, and it refers to this issue", title
    return None, "", title


def _closes(links: Links, text: str) -> bool:
    number = links.page.number
    return number is not None and bool(
        re.search(
            rf"\b(?:fix(?:es|ed|ing)?|close[sd]?|resolve[sd]?)\b:?[^.]{{0,60}}?[#/]{number}\b",
            text,
            re.IGNORECASE,
        )
    )


def _mentions_issue(links: Links, line: Line) -> bool:
    return any(each.number == links.page.number for each in mentions.numbers(line.text))


def _numbers(
    links: Links, pull: Pull, lines: Sequence[Line], word: re.Pattern[str], other: re.Pattern[str]
) -> tuple[int, ...]:
    """The numbers after a word of reverting, or of bringing again, in title and description."""
    texts = [pull.title, *(line.text for line in lines if _ABOUT.match(line.text))]
    for text in texts:
        first, rival = word.search(text), other.search(text)
        if first is None or (rival and rival.start() < first.start()):
            continue
        stop = _ALREADY.search(text)
        own = {pull.number, links.page.number}
        numbers = [
            each.number
            for each in mentions.numbers(text[: stop.start()] if stop else text)
            if each.start > first.start()
            and each.number not in own
            and each.project in {"", links.page.project}
        ]
        if numbers:
            return tuple(dict.fromkeys(numbers))
    return ()


def _landings(links: Links) -> dict[int, Source]:
    """The sentences that say without a reservation that a pull request was merged."""
    found: dict[int, Source] = {}
    for line in links.page.lines:
        for each in links.discussed(line):
            before, after = around(line.text, each.start, each.end)
            merged = _MERGED_AFTER.match(after) and not is_denied(after, 0, 20)
            if (merged or _LANDED.search(before)) and certainty(line.text) == "stated":
                found.setdefault(each.number, source(line))
    return found


def _landed(pull: Pull, landings: Mapping[int, Source]) -> tuple[bool | None, Source | None]:
    if pull.settled:
        text = f"merged at {pull.merged}" if pull.merged else "it was not merged"
        return bool(pull.merged), Source(place=pull.place, text=text)
    evidence = landings.get(pull.number)
    return (True if evidence else None), evidence


def _mentioned(links: Links, named: NamedFix, landings: Mapping[int, Source]) -> FixCandidate:
    pull, basis, role = links.page.pulls.get(named.pull), named.basis, named.role
    landed, landed_source = _landed(pull, landings) if pull else (None, None)
    done = role != "fix" or _DONE.search(basis.source.text)
    if landed is None and basis.certainty == "stated" and done:
        landed, landed_source = True, basis.source
    return FixCandidate(
        pull=named.pull,
        title=pull.title if pull else "",
        role=role,
        landed=landed,
        landed_source=landed_source,
        reverts=named.about if role == "revert" else (),
        reapplies=named.about if role == "reland" else (),
        commit=links.commit_of_pull.get(named.pull, ""),
        certainty=basis.certainty,
        reason=basis.reason,
        source=basis.source,
    )


def _ended_by(links: Links, found: Sequence[FixCandidate], known: Sequence[FixCandidate]) -> int | None:
    """What landed and says that it fixes this issue or that it reverts a change; the first of several.

    A fix that was reverted and landed again counts by its re-land. `found` are the `known` ones that last.
    """
    fixes = {each.pull for each in known if each.role == "fix"}
    relands = {each.pull for each in known if each.role == "reland"}
    landed = [
        each
        for each in found
        if each.landed and each.role in {"revert", "fix"} and each.reason != CALLED["revert"]
    ]
    closers = {line.pull for line in links.page.lines if line.pull and _closes(links, line.text)}
    closing = [each for each in landed if each.pull in closers]
    called = [
        each
        for each in found
        if each.certainty == "stated" and each.reason == CALLED["fix"] and each.landed is None
    ]
    blamed = _blamed(links)
    reverts = [
        each
        for each in found
        if each.landed
        and each.reason == CALLED["revert"]
        and (not each.reverts or not blamed.isdisjoint(each.reverts))
    ]
    again = [each for each in found if each.landed and each.role == "reland" and fixes & {*each.reapplies}]
    reverts = [each for each in reverts if relands.isdisjoint(each.reverts)]
    if len(reverts) > 1:  # of several culprits, or of one that came again: which one ended it is unknown
        reverts = []
    return next((each.pull for each in (*closing, *landed, *called, *again, *reverts)), None)


def _blamed(links: Links) -> frozenset[int]:
    """The changes in lines that blame something."""
    return frozenset(
        each.number
        for line in links.page.lines
        if _BLAMES.search(line.text)
        for each in links.discussed(line)
    )


def _final(found: Sequence[FixCandidate], ended: int | None) -> int | None:
    """The last of a chain: what ended the failure, its re-land, the revert of that, and so on."""
    left = [each for each in found if each.landed is not False]
    last = next((each for each in left if each.pull == ended), None)
    while last:
        left.remove(last)
        after = next((each for each in left if _follows(each, last)), None)
        if after is None:
            return last.pull
        last = after
    return ended


def _follows(each: FixCandidate, last: FixCandidate) -> bool:
    """Whether a change lands again what the last one reverted, or reverts what it landed again."""
    if last.role == "reland":
        return each.role == "revert" and last.pull in each.reverts
    unnamed = each.reason == CALLED["reland"] and not each.reapplies
    return each.role == "reland" and (unnamed or bool({*last.reverts} & {*each.reapplies}))
