"""The ends of the range: what the page calls the last pass and the first failure. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from bisect_tool.triage import mentions
from bisect_tool.triage.compared_refs import REF, TAG, compared, is_tag, ranges, tag_at
from bisect_tool.triage.dates import dates
from bisect_tool.triage.end_labels import IN_PASSING, NAMED, labels
from bisect_tool.triage.facts import Build, Certainty, Commit, End, Fact, Source
from bisect_tool.triage.sentences import Basis, certainty, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.triage.end_labels import Side
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.page import Line

_BETWEEN = re.compile(
    r"\b(?:between|from)\s+(?:commit\s+)?(?P<good>[0-9a-f]{7,40})\b[^.;]{0,60}?"
    r"\b(?:and|to)\s+(?:commit\s+)?(?P<bad>[0-9a-f]{7,40})\b"
)
_BESIDE = re.compile(
    r"\bbetween\s+[\w.+-]{1,60}\s?\((?P<good>[0-9a-f]{7,40})\)\s+and\s+[\w.+-]{1,60}\s?\((?P<bad>[0-9a-f]{7,40})\)"
)
_VERSIONS = re.compile(rf"\b(?:between|from)\s+(?P<good>{TAG})\s+(?:and|to)\s+(?P<bad>{TAG})(?![\w-]|\.\d)")
_WORSE = re.compile(
    r"\b(?:regress\w*|degrad\w*|broke\w*|break\w*|fail\w*|slow(?:er|down)|drop(?:s|ped)?|wors\w+|crash\w*)\b",
    re.IGNORECASE,
)
_START = re.compile(rf"\bgit bisect start (?:-\S+ )*(?P<bad>{REF}) (?P<good>{REF})(?![\w.-])")
_CORRECTS = re.compile(r"\bcorrect(?:ed|ion)?\b|\bwas wrong\b|^\W*(?:update|edit)\b", re.IGNORECASE)
_ORDER: dict[Certainty, int] = {"stated": 0, "derived": 1, "guess": 2}
_SIDES: tuple[Side, Side] = ("good", "bad")
_STATES: dict[str, Side] = {"passed": "good", "failed": "bad", "failing": "bad"}
_RECORD = 3
_LABELS_OF_A_LINE = 20


@dataclass(frozen=True)
class Ends:
    """Both ends, and sentences that name other ones."""

    good: End
    bad: End
    rivals: tuple[Fact, ...]


@dataclass(frozen=True)
class _Claim:
    """What one sentence says about one end; a lower rank is more specific."""

    side: Side
    rank: int
    end: End
    quoted: bool = False
    corrects: bool = False


@dataclass(frozen=True)
class _Span:
    """A part of a line."""

    line: Line
    start: int
    stop: int

    def has(self, place: int) -> bool:
        return self.start <= place < self.stop


def find_ends(links: Links) -> Ends:
    """The ends that the page names; of several claims the most explicit, and the first of those."""
    claims = [claim for at in range(len(links.page.lines)) for claim in _claims(links, at)]
    claims += _of_records(links)
    good, bad = (_best([claim for claim in claims if claim.side == side]) for side in _SIDES)
    rivals = [
        fact for end, side in zip((good, bad), _SIDES, strict=True) for fact in _rivals(claims, side, end)
    ]
    return Ends(good, bad, tuple(rivals))


def _claims(links: Links, at: int) -> Iterator[_Claim]:
    lines = links.page.lines
    line = lines[at]
    for match in chain(_BETWEEN.finditer(line.text), _BESIDE.finditer(line.text)):
        basis = Basis(certainty(line.text), "the page names a range", source(line))
        for side in _SIDES:
            yield _Claim(side, NAMED, End(commit=_commit(match[side], basis)))
    if start := _START.search(line.text):
        basis = Basis("stated", "the page starts git bisect", source(line))
        for side in _SIDES:
            yield _Claim(side, NAMED, End(commit=_commit(start[side], basis)))
    yield from _of_refs(line)
    for label in islice(labels(line), _LABELS_OF_A_LINE):
        span = _Span(line, label.start, label.stop)
        if label.last and at + 1 < len(lines):
            span = _Span(lines[at + 1], 0, len(lines[at + 1].text))
        basis = Basis(label.certainty, f"the page says {label.words!r}", source(span.line))
        if end := _end(links, span, basis, explicit=label.rank < IN_PASSING):
            yield _Claim(
                label.side,
                label.rank,
                _with_result(end, label.side),
                quoted=line.text.startswith(">"),
                corrects=bool(_CORRECTS.search(line.text[: label.start])),
            )


def _of_refs(line: Line) -> Iterator[_Claim]:
    """Ranges, and what a sentence says to work; a version may be one of another project."""
    for pair in ranges(line.text):
        basis = Basis(certainty(line.text) if pair.about else "guess", "the page names a range", source(line))
        for side, ref in zip(_SIDES, (pair.good, pair.bad), strict=True):
            yield _Claim(side, NAMED if pair.about else _RECORD, End(commit=_commit(ref, basis)))
    versions = None if line.code or not _WORSE.search(line.text) else _VERSIONS.search(line.text)
    if versions is not None:
        reason = "the page says that it became worse between two versions"
        basis = _derived(Basis(certainty(line.text), reason, source(line)))
        for side in _SIDES:
            yield _Claim(side, IN_PASSING, End(commit=_commit(versions[side], basis)))
    for each in () if line.code else compared(line.text):
        state = "works" if each.side == "good" else "is broken"
        basis = Basis(certainty(line.text), f"the page says that it {state}", source(line))
        basis = _derived(basis) if is_tag(each.ref) else basis
        yield _Claim(each.side, IN_PASSING, End(commit=_commit(each.ref, basis)))


def _derived(basis: Basis) -> Basis:
    return replace(basis, certainty="derived") if basis.certainty == "stated" else basis


def _end(links: Links, span: _Span, basis: Basis, *, explicit: bool) -> End | None:
    """What a part of a line names; in passing (`failing since #12 (c911120a)`) a change's commit."""
    text = span.line.text
    named = next((each for each in mentions.commits(text) if span.has(each.start)), None)
    build = next((each for each in links.builds(span.line) if span.has(each.start)), None)
    day = next((each for each in dates(text, links.year) if span.has(each.start)), None)
    if named is None and build is None and (tag := tag_at(text, span.start, span.stop)):
        return End(commit=_commit(tag, basis if explicit else _derived(basis)))
    if named is None and build is None and day is None:
        return None
    changes = [each for each in links.numbers(span.line) if each.kind == "pull" or not explicit]
    if named and any(span.has(each.start) and each.start < named.start for each in changes):
        basis = replace(
            _derived(basis), reason=f"{basis.reason} of a change, and this is the change's commit"
        )
    return End(
        commit=_commit(named.sha, basis) if named else _commit_of(links, build, basis),
        build=build_fact(links, build, basis) if build else None,
        date=Fact(
            value=day.day.isoformat(),
            certainty=max(basis.certainty, day.certainty, key=_ORDER.__getitem__),
            reason=basis.reason,
            source=basis.source,
        )
        if day
        else None,
    )


def _commit(sha: str, basis: Basis) -> Commit:
    return Commit(value=sha, certainty=basis.certainty, reason=basis.reason, source=basis.source)


def _commit_of(links: Links, build: mentions.BuildMention | None, basis: Basis) -> Commit | None:
    sha = links.commit_of_build.get(build.number, "") if build else ""
    return (
        _commit(sha, replace(basis, certainty="derived", reason="the commit of that build")) if sha else None
    )


def build_fact(links: Links, build: mentions.BuildMention, basis: Basis) -> Build:
    """A build with the commit that the page gives it."""
    return Build(
        value=str(build.number),
        certainty=basis.certainty,
        reason=basis.reason,
        source=basis.source,
        service=build.service or ("buildkite" if links.pipeline else ""),
        pipeline=build.pipeline or links.pipeline,
        commit=links.commit_of_build.get(build.number, ""),
        job=build.job,
        step=build.step,
    )


def _with_result(end: End, side: Side) -> End:
    state = "passed" if side == "good" else "failed"
    return end.model_copy(update={"build": end.build and end.build.model_copy(update={"state": state})})


def _of_records(links: Links) -> Iterator[_Claim]:
    """The records of builds: any commit that failed can be the bad end."""
    for record in links.page.builds:
        if side := _STATES.get(record.state):
            evidence = f"build {record.number} of {record.pipeline}: {record.state}, commit {record.commit}"
            reason = f"the record of a build that {'passed' if side == 'good' else 'failed'}"
            basis = Basis("derived", reason, Source(place=record.place, text=evidence))
            yield _Claim(side, _RECORD, End(commit=_commit(record.commit, basis)))


def from_red_builds(builds: Iterable[Build]) -> End:
    """The earliest red build whose commit is known, for a page that names no first failure."""
    red = [build for build in builds if build.state == "failed" and build.commit]
    if not red:
        return End()
    first = min(red, key=lambda build: int(build.value))
    reason = "the commit of the earliest red build on the page, which may not be the first one"
    return End(commit=_commit(first.commit, Basis("guess", reason, first.source)), build=first)


def from_green_builds(builds: Sequence[Build]) -> End:
    """The latest green build before the earliest red one, for a page that names no last pass."""
    red = [int(build.value) for build in builds if build.state == "failed" and build.commit]
    green = [build for build in builds if build.state == "passed" and build.commit]
    before = [build for build in green if red and int(build.value) < min(red)]
    if not before:
        return End()
    last = max(before, key=lambda build: int(build.value))
    reason = "the commit of the latest green build before a red one, which may not be the last one"
    return End(commit=_commit(last.commit, Basis("guess", reason, last.source)), build=last)


def _best(claims: Sequence[_Claim]) -> End:
    """The end of the best claim; where it has a build alone, another claim may have that build's commit."""
    if not claims:
        return End()
    end = min(claims, key=_weight).end
    if end.commit or end.build is None:
        return end
    same = (each.end for each in claims if each.end.build and each.end.build.value == end.build.value)
    return next((each for each in same if each.commit), end)


def _weight(claim: _Claim) -> tuple[bool, bool, bool, int, bool, int]:
    """What comes first: a writer's own label before a quoted one, and a correction before the rest."""
    facts = [fact for fact in (claim.end.commit, claim.end.build, claim.end.date) if fact]
    return (
        claim.rank >= IN_PASSING,
        claim.quoted,
        not claim.corrects,
        claim.rank,
        claim.end.commit is None,
        min(_ORDER[fact.certainty] for fact in facts),
    )


def _rivals(claims: Sequence[_Claim], side: Side, chosen: End) -> Iterator[Fact]:
    """Commits that as explicit a sentence names for the same end."""
    if chosen.commit is None:
        return
    rank = min(claim.rank for claim in claims if claim.side == side)
    named = [
        claim.end.commit
        for claim in claims
        if claim.side == side and claim.rank <= rank and claim.end.commit is not None
    ]
    full = mentions.full_ids([chosen.commit.value, *(commit.value for commit in named)])
    seen = {full[chosen.commit.value]}
    for commit in named:
        if full[commit.value] not in seen:
            seen.add(full[commit.value])
            reason = f"another commit that the page gives for the {side} end"
            yield Fact(value=commit.value, certainty=commit.certainty, reason=reason, source=commit.source)
