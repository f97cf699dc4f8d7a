"""Which changes the page blames, and in which words. Pure."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.triage import mentions
from bisect_tool.triage.facts import Suspect
from bisect_tool.triage.sentences import Basis, certainty, is_denied, sentences, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.triage.facts import Certainty, FixCandidate
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.page import Line

_FAILING = (
    r"\b(?:fail(?!ing (?:test|job|build)s?\b)\w*|red|broke\w*|break\w*|regress\w*|hang\w*|hung|crash\w*|"
    r"flak\w*|error\w*|time[sd]? ?out)\b"
)
_FAILS_BEFORE = re.compile(rf"{_FAILING}[^.;()]{{0,60}}$", re.IGNORECASE)
_FAILS_AFTER = re.compile(rf"[^.;]{{0,80}}{_FAILING}", re.IGNORECASE)
_SUBJECT = re.compile(r"\(#\d+\)\W*$")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_ANY_OF = re.compile(r"\bfirst bad commit could be any of\b", re.IGNORECASE)
_BLAME = re.compile(
    r"\b(?:culprit\w*|caused by|introduced (?:by|in|with|w/|through)|"
    r"regress(?:ion|ed) (?:from|by|in|introduced (?:by|in))|broken by|blame[sd]?(?: on)?|first bad commit|"
    r"bisect(?:ed|s|ion|ing)?\b[^.;]{0,30}?\b(?:to|at|points? (?:at|to)|identified|named|found)|"
    r"(?:offending|breaking) (?:commit|change|PR)|reverting|revert of)(?!\w)",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"\b(?:since|after|due to|because of|as of|starting (?:with|from)|following)\b", re.IGNORECASE
)
_BLAMED = re.compile(
    r"^[\s,)(:]*(?:\([^()]*\)\s*)?(?:also\s+)?(?:broke|breaks|introduced|introduces|caused|causes|regressed|"
    r"(?:is|was|seems to be|appears to be|looks like|might be|may be|could be)\s+"
    r"(?:probably |likely |possibly |maybe )?(?:the )?"
    r"(?:culprit|first bad commit|bad one|cause|offending|to blame|responsible))\b",
    re.IGNORECASE,
)
_REACH = 60
_ORDER: dict[Certainty, int] = {"stated": 0, "derived": 1, "guess": 2}


@dataclass(frozen=True)
class _Named:
    """A pull request or commit in a sentence."""

    pull: int | None
    commit: str
    start: int
    end: int


def find_suspects(links: Links, candidates: Iterable[FixCandidate]) -> tuple[Suspect, ...]:
    """What is blamed, the surest first: by a sentence, or since a fix candidate takes it back."""
    found = [each for line in links.page.lines for each in _in_line(links, line)]
    found += _any_of(links)
    found += [each for candidate in candidates for each in _reverted(links, candidate)]
    return _merged(links, found)


def _in_line(links: Links, line: Line) -> Iterator[Suspect]:
    if line.code:
        if re.search(r"\bis the first bad commit\b", line.text):
            yield from (
                _suspect(links, each, Basis("stated", "git bisect says so", source(line)))
                for each in _named(links, line)
            )
        return
    if _is_title(links, line):
        return
    named = _named(links, line)
    at = 0
    for sentence in sentences(line):
        start = line.text.index(sentence, at)
        at = start + len(sentence)
        inside = [each for each in named if start <= each.start < at]
        yield from _in_sentence(links, line, sentence, start, inside)


def _any_of(links: Links) -> Iterator[Suspect]:
    """What `git bisect` lists where commits could not be tested."""
    inside = False
    for line in links.page.lines:
        listed = re.fullmatch(r"\W*[0-9a-f]{40}\b.*", line.text)
        if inside and listed:
            for each in _named(links, line)[:1]:
                reason = "git bisect could not tell these commits apart"
                yield _suspect(links, each, Basis("guess", reason, source(line)))
        inside = bool(_ANY_OF.search(line.text)) or (inside and listed is not None)


def _is_title(links: Links, line: Line) -> bool:
    """Whether it is the title of a pull request, which may quote others."""
    return line.pull is not None and line.text.endswith(f": {links.page.pulls[line.pull].title}")


def _in_sentence(
    links: Links, line: Line, sentence: str, offset: int, named: Sequence[_Named]
) -> Iterator[Suspect]:
    sure, said = certainty(sentence), source(line, sentence)
    text = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), line.text)
    for each in named:
        before, after = text[offset : each.start], text[each.end : offset + len(sentence)]
        if match := _last(_BLAME, before):
            word, weak = match[0], match[0].lower() in {"reverting", "revert of"}
            denied = is_denied(before, match.start(), len(before))
            if not denied and len(before) - match.end() <= _REACH and not (weak and sure == "stated"):
                yield _suspect(links, each, Basis(sure, f"the page says {word!r}", said))
        elif (match := _BLAMED.match(after)) and not is_denied(after, 0, match.end()):
            reason = f"the page says that it {match[0].strip(' ,():')!r}"
            yield _suspect(links, each, Basis(sure, reason, said))
        elif (match := _since(before, after)) and not _SUBJECT.search(line.text):
            derived: Certainty = "derived" if sure == "stated" else sure
            reason = f"the page says that it fails {match[0].lower()!r} this change"
            yield _suspect(links, each, Basis(derived, reason, said))


def _since(before: str, after: str) -> re.Match[str] | None:
    """The word by which something fails since a change: `failing since #12`, `after #12 merged, it fails`."""
    match = _last(_SINCE, before)
    if match is None or len(before) - match.end() > _REACH or re.search(r"\bbefore\b", before[match.end() :]):
        return None
    fails = _FAILS_BEFORE.search(before[: match.start()])
    if fails is None and (before[: match.start()].strip() or not _FAILS_AFTER.match(after)):
        return None
    return None if is_denied(before, match.start(), len(before)) else match


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _named(links: Links, line: Line) -> list[_Named]:
    """What the line names that can be at fault; a commit beside its pull request is one with it."""
    found = [
        _Named(each.number, links.commit_of_pull.get(each.number, ""), each.start, each.end)
        for each in links.numbers(line)
        if links.is_own(each) and each.kind != "issue"
    ]
    paired = {each.commit for each in found if each.commit}
    for commit in mentions.commits(line.text):
        if commit.sha not in paired and commit.named and commit.sha not in links.commit_of_build.values():
            found.append(_Named(None, commit.sha, commit.start, commit.end))  # noqa: PERF401 - reads better
    return found


def _suspect(links: Links, named: _Named, basis: Basis) -> Suspect:
    described = links.page.pulls.get(named.pull or 0)
    return Suspect(
        pull=named.pull,
        commit=named.commit,
        certainty=basis.certainty,
        reason=basis.reason,
        source=basis.source,
        subject=described.title if described else "",
    )


def _reverted(links: Links, candidate: FixCandidate) -> Iterator[Suspect]:
    """What a revert takes back is suspected: if it landed, for good reason; if it was tried, by a guess."""
    if candidate.role not in {"revert", "trial"}:
        return
    tried = candidate.role == "trial" or candidate.landed is False
    for number in candidate.reverts:
        yield Suspect(
            pull=number,
            commit=links.commit_of_pull.get(number, ""),
            certainty="guess" if tried else "derived",
            reason=f"PR #{candidate.pull} {'tries to revert' if tried else 'reverts'} it",
            source=candidate.source,
        )


def _merged(links: Links, found: Iterable[Suspect]) -> tuple[Suspect, ...]:
    """One for each change, by its surest sentence."""
    best: dict[str, Suspect] = {}
    for each in found:
        key = str(each.pull) if each.pull else each.commit[:7]
        kept = best.get(key)
        if kept is None or _ORDER[each.certainty] < _ORDER[kept.certainty]:
            best[key] = each
    pulled = {each.commit[:7] for each in best.values() if each.pull and each.commit}
    kept_suspects = [each for each in best.values() if each.pull or each.commit[:7] not in pulled]
    fixes = {number for number in best if number.isdecimal() and int(number) in _only_fixes(links)}
    return tuple(
        sorted(
            (each for each in kept_suspects if str(each.pull) not in fixes),
            key=lambda each: _ORDER[each.certainty],
        )
    )


def _only_fixes(links: Links) -> frozenset[int]:
    """Pull requests that the page describes as made for this issue are no suspects."""
    number = links.page.number
    if number is None:
        return frozenset()
    closes = re.compile(
        rf"\b(?:fix(?:es|ed)?|close[sd]?|resolve[sd]?)\b[^.]{{0,40}}[#/]{number}\b", re.IGNORECASE
    )
    return frozenset(line.pull for line in links.page.lines if line.pull and closes.search(line.text))
