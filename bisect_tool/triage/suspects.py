"""Which changes the page blames, and in which words. Pure."""

from __future__ import annotations

import re
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.triage.cleared_changes import cleared
from bisect_tool.triage.end_labels import EXPLICIT, labels
from bisect_tool.triage.facts import Suspect
from bisect_tool.triage.hinted_suspects import hints
from bisect_tool.triage.named_changes import Named, named_in
from bisect_tool.triage.named_fixes import CALLED
from bisect_tool.triage.sentences import Basis, around, certainty, is_denied, parts, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from bisect_tool.triage.facts import Certainty, FixCandidate
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.page import Line

_FAILING = (
    r"\b(?:fail(?!ing (?:test|job|build)s?\b)\w*|red|broke\w*|break\w*|regress\w*|hang\w*|hung|crash\w*|"
    r"flak\w*|error\w*|time[sd]? ?out)\b"
)
_FAILS_BEFORE = re.compile(rf"{_FAILING}[^.;()]{{0,60}}$", re.IGNORECASE)
_FAILS_AFTER = re.compile(rf"[^.;]{{0,80}}{_FAILING}", re.IGNORECASE)
_SUBJECT = re.compile(r"(?<![0-9a-f]{7} )\(#\d+\)\W*$")
_OVER = re.compile(r"\b(?:fixed|resolved|solved|gone)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_ANY_OF = re.compile(r"\bfirst bad commit could be any of\b", re.IGNORECASE)
_BLAME = re.compile(
    r"\b(?:culprit\w*|caused by|introduced (?:by|in|with|w/|through)|"
    r"regress(?:ed in|(?:ion|ed) (?:from|by|introduced (?:by|in)))|broken by|"
    r"(?:came|went) in with|blame[sd]?(?: on)?|first[ -]bad commit|"
    r"bisect(?:ed|s|ion|ing)?\b[^.;]{0,30}?\b(?:to|at|points? (?:at|to)|identified|named|found)|"
    r"(?:offending|breaking|guilty|regressed|regressing|root[ -]cause) (?:commit|change|PR))(?!\w)",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"\b(?:since|after|due to|because of|as of|starting (?:with|from)|following)\b", re.IGNORECASE
)
_BLAMED = re.compile(
    r"^[\s,)(:]*(?:\([^()]*\)\s*)?(?:also\s+)?(?:tried to \w+ (?:it|this|that),? but (?:also )?)?"
    r"(?:broke|breaks|introduced|introduces|caused|causes|regressed|"
    r"(?:seems|appears) to (?:break|cause|introduce|have (?:broken|caused|introduced))|"
    r"(?:(?:seems|appears) to )?(?:reduce[sd]?|degrade[sd]?|slow(?:s|ed)?(?: down)?)"
    r"(?= (?:\w+ ){0,3}(?:throughput|performance|perf|accuracy|speed|generation|inference)\b)|"
    r"confirmed(?=\W*(?:$|reverting\b|as the (?:culprit|cause)\b))|"
    r"(?:is|was|seems to be|appears to be|looks like|might be|may be|could be)\s+"
    r"(?:probably |likely |possibly |maybe )?(?:the )?(?:exact |actual |real |true )?"
    r"(?:culprit|first[ -]bad commit|bad one|cause|offending|to blame|responsible))\b",
    re.IGNORECASE,
)
_FOUND = re.compile(r"\bis the first bad commit\b|\bculprit commit:", re.IGNORECASE)
_RANGE_END = re.compile(r"\W*first[ -]bad commit\W*[:=]", re.IGNORECASE)
_OTHER = re.compile(r"\s+(?:(?:something|anything) else|another|other)\b", re.IGNORECASE)
_OR = re.compile(r"[\s,`)\]]*(?:\bor\b|/)[\s`(\[]*(?:by |(?:the )?(?:PR|commit) )*[\s`]*", re.IGNORECASE)
_UNDONE = re.compile(r"\b(?:reverting|revert of)\b(?=\W*(?:(?:PR|commit)\W*)?$)", re.IGNORECASE)
_HELPED = re.compile(
    r"^[\s,)`]*(?:alone |locally )?(?:also )?(?:does )?"
    r"(?:fix(?:es|ed)?|help(?:s|ed)?|resolve[sd]?|solve[sd]?|"
    r"makes? .{1,100}?\b(?:pass|green))\b",
    re.IGNORECASE,
)
_NO_HELP = re.compile(r"^[\s,)`]*(?:did|does|do)(?: not|n['\u2019]t)\b", re.IGNORECASE)
_ENDED = re.compile(
    r"\b(?:revert(?:ed|s)?|fix(?:ed)?|solved|resolved|addressed|rolled (?:back|forward)|"
    r"re-?(?:land|appl|add|commit)\w*)"
    r"(?: \w+){0,2}? (?:in|by|with|via|through|as|is)\W*(?:PR\W*)?$",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"(?:\bbut\b|[,;:.?!\u2014]|\b(?:nope|no|actually|instead|rather|edit|update)\b|^)\W*"
    r"(?:(?:but|nope|no|actually|instead|rather|sorry|edit|update|i was wrong)\W+)*"
    r"(?:it|this|that)(?:['\u2019]s| is| was| turn(?:s|ed) out to be| must be)"
    r"(?: (?:actually|really|rather|by|due to))*\W*(?:(?:PR|commit)\W*)?$",
    re.IGNORECASE,
)
_IS = re.compile(r"^[\s,)]*(?:is|was|does|did)\W*$", re.IGNORECASE)
_JOINED = re.compile(
    r"[\s,`)\]]*(?:\b(?:and|or|but|plus)\b|[/&])?[\s`(\[]*"
    r"(?:(?:also|by|to|then|maybe|perhaps|from|the|PRs?|commits?|pull requests?|it['\u2019]s|"
    r"it (?:is|was)|actually|https?://\S*)[\s`#:(\[]*)*",
    re.IGNORECASE,
)
_GIT_FOUND = re.compile(
    r"\W*first bad commit: \[(?P<sha>[0-9a-f]{7,40})\](?:.*\(#(?P<pull>\d{1,9})\)\s*$)?", re.IGNORECASE
)
_DOUBTED = re.compile(
    r"(?:\b(?:neither|nor|not|doubt(?: that)?)|n['\u2019]t (?:think|believe)(?: that)?)\W*(?:PR\W*)?$",
    re.IGNORECASE,
)
_REACH = 60
_NEAREST = 8
_SHORT = 7
_ORDER: dict[Certainty, int] = {"stated": 0, "derived": 1, "guess": 2}


def find_suspects(links: Links, candidates: Iterable[FixCandidate]) -> tuple[Suspect, ...]:
    """What is blamed, the surest first: by a sentence, or since a fix candidate takes it back."""
    named = [named_in(links, line) for line in links.page.lines]
    innocent = cleared(links, named)
    found = [
        each
        for at, line in enumerate(links.page.lines)
        for each in _in_line(links, line, named[at], ends_a_range=_ends_a_range(links, at))
        if not _is_cleared(each, innocent, at)
    ]
    for at, line in enumerate(links.page.lines):
        if not line.code and at in innocent.values():
            found += _instead(links, line, named[at], innocent)
    found += _any_of(links)
    found += [
        each
        for hint in hints(links, named)
        if not _is_cleared(each := _suspect(links, hint.named, hint.basis), innocent, hint.at)
    ]
    fixes = {candidate.pull for candidate in candidates if candidate.role == "fix"}
    found += [
        each
        for candidate in candidates
        for each in _reverted(links, candidate)
        if each.pull not in fixes and not _is_cleared(each, innocent, 0)
    ]
    return _merged(links, found)


def _is_cleared(suspect: Suspect, innocent: Mapping[str, int], at: int) -> bool:
    """Whether the page clears it, at or after a line; what is only likely is not blamed after that either."""
    last = innocent.get(_key(suspect))
    return last is not None and (at <= last or suspect.certainty != "stated")


def _key(suspect: Suspect) -> str:
    return str(suspect.pull) if suspect.pull else suspect.commit[:_SHORT]


def _ends_a_range(links: Links, at: int) -> bool:
    """Whether a line names the first bad commit beside a last good one: nothing else may have been tested."""
    lines = links.page.lines
    if not _RANGE_END.match(lines[at].text):
        return False
    beside = (*lines[max(at - 1, 0) : at], *lines[at + 1 : at + 2])
    return any(label.side == "good" and label.rank == EXPLICIT for line in beside for label in labels(line))


def _in_line(links: Links, line: Line, named: Sequence[Named], *, ends_a_range: bool) -> Iterator[Suspect]:
    if ends_a_range:
        reason = "the page calls it the first bad commit, and names a last good one"
        yield from (_suspect(links, each, Basis("guess", reason, source(line))) for each in named[:1])
        return
    if match := _GIT_FOUND.match(line.text):
        pull = int(match["pull"]) if match["pull"] else None
        found = Named(pull, match["sha"], *match.span("sha"))
        yield _suspect(links, found, Basis("stated", "git bisect says so", source(line)))
        return
    if line.code:
        if _FOUND.search(line.text):
            yield from (
                _suspect(links, each, Basis("stated", "the output of a bisection says so", source(line)))
                for each in named
            )
        return
    if _is_title(links, line):
        return
    for start, sentence in parts(line):
        inside = [each for each in named if start <= each.start < start + len(sentence)]
        yield from _in_sentence(links, line, sentence, start, inside)


def _instead(
    links: Links, line: Line, named: Sequence[Named], innocent: Collection[str]
) -> Iterator[Suspect]:
    """What a line names in the place of a change that it clears: `not #10, it's #11`, `#10 isn't; #11 is`."""
    for start, sentence in parts(line):
        for each in named:
            if each.key in innocent or not start <= each.start < start + len(sentence):
                continue
            before, after = around(line.text, each.start, each.end, start, start + len(sentence))
            if _INSTEAD.search(before) or _IS.match(after):
                reason = "the page names it instead of a change that it clears"
                yield _suspect(links, each, Basis(certainty(sentence), reason, source(line, sentence)))


def _any_of(links: Links) -> Iterator[Suspect]:
    """What `git bisect` lists where commits could not be tested."""
    inside = False
    for line in links.page.lines:
        listed = re.fullmatch(r"\W*[0-9a-f]{40}\b.*", line.text)
        if inside and listed:
            for each in named_in(links, line)[:1]:
                reason = "git bisect could not tell these commits apart"
                yield _suspect(links, each, Basis("guess", reason, source(line)))
        inside = bool(_ANY_OF.search(line.text)) or (inside and listed is not None)


def _is_title(links: Links, line: Line) -> bool:
    """Whether it is the title of a pull request, which may quote others."""
    return line.pull is not None and line.text.endswith(f": {links.page.pulls[line.pull].title}")


def _in_sentence(
    links: Links, line: Line, sentence: str, offset: int, named: Sequence[Named]
) -> Iterator[Suspect]:
    evidence = source(line, sentence)
    text = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), line.text)
    for at, each in enumerate(named):
        others = _alternatives(text, named, at)
        sure: Certainty = "guess" if len(others) > 1 else certainty(sentence)
        before, after = around(text, each.start, others[-1].end, offset, offset + len(sentence))
        if match := _last(_UNDONE, before):
            if _HELPED.match(after) and not is_denied(before, match.start(), len(before)):
                yield _suspect(
                    links, each, Basis(sure, f"the page says that {match[0]!r} it helps", evidence)
                )
            elif sure != "stated" and not _NO_HELP.match(after):
                yield _suspect(links, each, Basis(sure, f"the page says {match[0]!r}", evidence))
        elif match := _last(_BLAME, before):
            blame = before.rfind(" but ", match.end())  # `not caused by #12 but by #13`
            denied = is_denied(before, match.start(), len(before)) if blame < 0 else "not" in before[blame:]
            direct = not _is_of_last(text, before, match, named, at) and _is_listed(
                text, each.start - len(before) + match.end(), named, at
            )
            if not denied and direct and not _ENDED.search(before) and len(before) - match.end() <= _REACH:
                yield _suspect(links, each, Basis(sure, f"the page says {match[0]!r}", evidence))
        elif (match := _BLAMED.match(after)) and not (
            is_denied(after, 0, match.end()) or _DOUBTED.search(before) or _OTHER.match(after, match.end())
        ):
            reason = f"the page says that it {match[0].strip(' ,():')!r}"
            yield _suspect(links, each, Basis(sure, reason, evidence))
        elif (match := _since(before, after)) and not _SUBJECT.search(line.text):
            derived: Certainty = "derived" if sure == "stated" else sure
            reason = f"the page says that it fails {match[0].lower()!r} this change"
            yield _suspect(links, each, Basis(derived, reason, evidence))


def _is_of_last(text: str, before: str, blame: re.Match[str], named: Sequence[Named], at: int) -> bool:
    """Whether a word of blame is said of the change before: `#12 is to blame, though #13 ...`."""
    if not at:
        return False
    last = named[at - 1].end
    blamed = _BLAMED.match(around(text, last, last)[1])
    return blamed is not None and named[at].start - len(before) + blame.end() <= last + blamed.end()


def _is_listed(text: str, start: int, named: Sequence[Named], at: int) -> bool:
    """Whether nothing but `and`, `or` and the like is between the changes from a word on."""
    listed = [each for each in named[: at + 1] if each.start >= start]
    return all(
        one.key == other.key or _JOINED.fullmatch(text[one.end : other.start])
        for one, other in pairwise(listed)
    )


def _alternatives(text: str, named: Sequence[Named], at: int) -> Sequence[Named]:
    """A change with the nearest of those that `or` joins to it."""
    first = last = at
    while first and at - first < _NEAREST and _OR.fullmatch(text[named[first - 1].end : named[first].start]):
        first -= 1
    while (
        last + 1 < len(named)
        and last - at < _NEAREST
        and _OR.fullmatch(text[named[last].end : named[last + 1].start])
    ):
        last += 1
    return named[first : last + 1]


def _since(before: str, after: str) -> re.Match[str] | None:
    """The word by which something fails since a change: `failing since #12`, `after #12 merged, it fails`."""
    match = _last(_SINCE, before)
    if match is None or len(before) - match.end() > _REACH or re.search(r"\bbefore\b", before[match.end() :]):
        return None
    fails = _FAILS_BEFORE.search(before[: match.start()])
    if fails is None and (before[: match.start()].strip() or not _FAILS_AFTER.match(after)):
        return None
    if fails is not None and _OVER.search(before, fails.start(), match.start()):
        return None
    return None if is_denied(before, match.start(), len(before)) else match


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _suspect(links: Links, named: Named, basis: Basis) -> Suspect:
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
    if candidate.role not in {"revert", "trial"} or candidate.reason == CALLED["revert"]:
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
        key = _key(each)
        kept = best.get(key)
        if kept is None or _ORDER[each.certainty] < _ORDER[kept.certainty]:
            best[key] = each
    pulled = {each.commit[:_SHORT] for each in best.values() if each.pull and each.commit}
    kept_suspects = [each for each in best.values() if each.pull or each.commit[:_SHORT] not in pulled]
    fixes = _only_fixes(links)
    return tuple(
        sorted(
            (each for each in kept_suspects if each.pull not in fixes),
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
