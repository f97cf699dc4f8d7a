"""What a page names: builds, commits, issues, pull requests and days. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.triage import mentions
from bisect_tool.triage.dates import dates
from bisect_tool.triage.ends import build_fact
from bisect_tool.triage.facts import Build, Commit, Fact, Reference
from bisect_tool.triage.sentences import Basis, source

if TYPE_CHECKING:
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.mentions import BuildMention
    from bisect_tool.triage.page import Line

_PASSED = re.compile(r"\b(?:pass(?:ed|es|ing)?|green|success(?:ful|fully)?|succeeded)\b", re.IGNORECASE)
_FAILED = re.compile(r"\b(?:fail(?:ed|s|ing(?! tests?\b)|ures?)?|red|broken?)\b", re.IGNORECASE)
_RESULT_AFTER = re.compile(r"[\s(:-]{1,4}(?P<state>passed|failed|green|red)\b", re.IGNORECASE)
_CELL = r"\|[^\w|]{{0,9}}(?:{})[^\w|]{{0,9}}(?:\||$)"
_GREEN_CELL = re.compile(
    _CELL.format(r"\u2705|\U0001f7e2|:white_check_mark:|pass(?:ed)?|green|success"), re.IGNORECASE
)
_RED_CELL = re.compile(_CELL.format(r"\u274c|\U0001f534|:x:|fail(?:ed|ure)?|red"), re.IGNORECASE)


def find_builds(links: Links) -> tuple[Build, ...]:
    """The builds that the page names, each once, with what a line says of its result."""
    found: dict[tuple[str, str], Build] = {}
    first: dict[str, tuple[str, str]] = {}  # the first build with each number
    if not links.page.lines:
        return ()
    places = {line.place: line for line in reversed(links.page.lines)}
    for record in links.page.builds:
        state = (
            "passed"
            if record.state == "passed"
            else "failed"
            if record.state in {"failed", "failing"}
            else ""
        )
        mention = mentions.BuildMention(record.number, 0, 0, "buildkite", record.pipeline)
        line = places.get(record.place, links.page.lines[0])
        build = build_fact(links, mention, Basis("stated", "it is the build of this page", source(line)))
        found[record.pipeline, build.value] = build.model_copy(update={"state": state})
        first.setdefault(build.value, (record.pipeline, build.value))
    for before, line in pairwise((links.page.lines[0], *links.page.lines)):
        for mention in links.builds(line):
            reason = (
                "the page links it"
                if mention.service
                else "the words around its number say that it is a build"
            )
            build = build_fact(links, mention, Basis("stated", reason, source(line)))
            _merge(found, first, build.model_copy(update={"state": _state(line, mention, before)}))
    return tuple(found.values())


def _merge(found: dict[tuple[str, str], Build], first: dict[str, tuple[str, str]], build: Build) -> None:
    """A number alone is the build of a pipeline that has it; what is known of a state and a job is kept."""
    own = build.pipeline, build.value
    alike = (own, ("", build.value)) if build.pipeline else (first.get(build.value, own),)
    same = next((key for key in alike if key in found), None)
    if same is None:
        found[own] = build
        first.setdefault(build.value, own)
        return
    old = found[same]
    pieces = {
        name: getattr(old, name) or getattr(build, name)
        for name in ("state", "job", "step", "pipeline", "service")
    }
    found[same] = old.model_copy(update=pieces)


def _state(line: Line, mention: BuildMention, before: Line) -> str:
    """What the words around a build say of its result: its line, one above with a colon, its heading."""
    if match := _RESULT_AFTER.match(line.text, mention.end):
        return "passed" if match["state"].lower() in {"passed", "green"} else "failed"
    if line.text.startswith("|") and (state := _state_of_row(line.text)):
        return state
    above = before.text if before.text.endswith(":") else ""
    for text in (line.text[: mention.start], above, line.section if line.section != line.text else ""):
        passed = [match.start() for match in _PASSED.finditer(text)]
        failed = [match.start() for match in _FAILED.finditer(text)]
        if passed or failed:
            if re.search(r"\bhistory\b|\btests?\b", text, re.IGNORECASE) and text == line.section:
                return ""
            return "passed" if max(passed, default=-1) > max(failed, default=-1) else "failed"
    return ""


def _state_of_row(text: str) -> str:
    """The result that a row of a table has in one of its cells."""
    green, red = _GREEN_CELL.search(text), _RED_CELL.search(text)
    if bool(green) == bool(red):
        return ""
    return "passed" if green else "failed"


def find_commits(links: Links) -> tuple[Commit, ...]:
    """The commits that the page names; of an abbreviated and a full id of one commit the full one."""
    named = [
        (each, line)
        for line in links.page.lines
        for each in mentions.commits(line.text)
        if each.named or not line.code
    ]
    full = mentions.full_ids(each.sha for each, _ in named)
    sure = {full[each.sha] for each, _ in named if each.named}
    found: dict[str, Commit] = {}
    for each, line in named:
        if each.sha == full[each.sha] and each.sha not in found:
            found[each.sha] = Commit(
                value=each.sha,
                certainty="stated" if each.sha in sure else "guess",
                reason="the page names it" if each.sha in sure else "it looks like the id of a commit",
                source=source(line),
            )
    return tuple(found.values())


def find_references(links: Links) -> tuple[Reference, ...]:
    """The issues and pull requests that the page links."""
    found: dict[str, Reference] = {}
    for line in links.page.lines:
        for each in links.numbers(line):
            foreign = each.project not in {"", links.page.project}
            if each.number == links.page.number and not foreign:
                continue
            value = f"{each.project}#{each.number}" if foreign else f"#{each.number}"
            kind = "pull" if not foreign and each.number in links.pull_numbers else each.kind
            known = found.get(value)
            if known is None or known.kind == "either" != kind:
                found[value] = Reference(
                    value=value,
                    certainty="stated",
                    reason="the page refers to it",
                    source=source(line),
                    kind=kind,
                )
    return tuple(found.values())


def find_dates(links: Links) -> tuple[Fact, ...]:
    """The days that the page names, each once."""
    found: dict[str, Fact] = {}
    for line in links.page.lines:
        if line.code or line.pull is not None:
            continue
        for each in dates(line.text, links.year):
            reason = {"stated": "the page names this day", "derived": "the year is that of the page"}.get(
                each.certainty, f"{each.text!r} read as month/day/year"
            )
            found.setdefault(
                each.day.isoformat(),
                Fact(
                    value=each.day.isoformat(), certainty=each.certainty, reason=reason, source=source(line)
                ),
            )
    return tuple(found[day] for day in sorted(found))
