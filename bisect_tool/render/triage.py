"""Render `triage`: the facts found on a page in sections, each with its certainty and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from bisect_tool.format import listing, short
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.triage.facts import Build, End, FixCandidate, Source, Suspect, Triage

_ITEM_LIMIT = 20
_LINE_LIMIT = 500
_ROLES = {
    "trial": "opened only to run CI",
    "revert": "revert",
    "reland": "re-land",
    "fix": "fix",
}


_LANDED = {True: "merged", False: "not merged", None: "the page does not say whether it was merged"}


@dataclass(frozen=True)
class Item:
    """One fact that was found.

    Attributes:
        text: the fact.
        certainty: how certain it is, or empty.
        reason: why it is believed, or empty.
        sources: the sentences on the page that state it.
        calls: command lines that find it, or that should be run next.
    """

    text: str
    certainty: str = ""
    reason: str = ""
    sources: tuple[Source, ...] = ()
    calls: tuple[str, ...] = ()

    @property
    def quoted(self) -> tuple[tuple[str, str], ...]:
        """Each sentence once, with its place on the page in front."""
        return tuple(dict.fromkeys((source.place, source.text) for source in self.sources))


@dataclass(frozen=True)
class Section:
    """A heading and its items; `empty` is shown if there are none, and `more` counts those left out."""

    title: str
    items: tuple[Item, ...]
    empty: str = ""
    more: int = 0


def to_json(found: Triage) -> str:
    """The JSON document."""
    return found.model_dump_json(by_alias=True, indent=2)


def sections(found: Triage) -> tuple[Section, ...]:
    """The sections: the ends, suspects, fixes, failing tests, missing facts, and what to run next."""
    every = (
        Section("Range", (_end("last pass", found.good), _end("first failure", found.bad))),
        _section("Suspects", map(_suspect, found.suspects), "the page blames no change"),
        _section(
            "Fix candidates", (_fix(found, each) for each in found.fix_candidates), "the page names none"
        ),
        _section("Failing tests", _tests(found), "the page names none"),
        _section("Error", _error(found)),
        _section("Builds", _builds(found)),
        _section(
            "Remarks", (Item(each.value, each.certainty, each.reason, (each.source,)) for each in found.notes)
        ),
        _section("Missing", (Item(each.what, calls=each.calls) for each in found.missing)),
        _section("Next", _commands(found)),
    )
    return tuple(section for section in every if section.items or section.empty)


def _section(title: str, items: Iterable[Item], empty: str = "") -> Section:
    every = tuple(items)
    return Section(title, every[:_ITEM_LIMIT], empty, max(len(every) - _ITEM_LIMIT, 0))


def _end(name: str, end: End) -> Item:
    parts = [f"commit {short(end.commit.value)}"] if end.commit else []
    parts += [f"build #{end.build.value}"] if end.build else []
    parts += [end.date.value] if end.date else []
    fact = end.commit or end.build or end.date
    if fact is None:
        return Item(f"{name}: not known")
    unknown = "" if end.commit else "; its commit is not known"
    subject = f" ({end.commit.subject})" if end.commit and end.commit.subject else ""
    return Item(f"{name}: {', '.join(parts)}{subject}{unknown}", fact.certainty, fact.reason, (fact.source,))


def _suspect(each: Suspect) -> Item:
    names = [f"PR #{each.pull}"] if each.pull else []
    names += [f"commit {short(each.commit)}"] if each.commit else []
    subject = f" ({each.subject})" if each.subject else ""
    inside = {True: "; in the range", False: "; not in the range", None: ""}[each.in_range]
    return Item(f"{', '.join(names)}{subject}{inside}", each.certainty, each.reason, (each.source,))


def _fix(found: Triage, each: FixCandidate) -> Item:
    parts = [_ROLES[each.role]]
    if each.role != "trial" or each.landed is not None:
        parts.append(_LANDED[each.landed])
    if each.reverts:
        parts.append(f"reverts {_pulls(each.reverts)}")
    if each.reapplies:
        parts.append(f"re-lands {_pulls(each.reapplies)}")
    if each.pull == found.ended_by:
        parts.append("ended the failure")
    if each.pull == found.final:
        parts.append("the final fix" if each.landed else "the final fix if it was merged")
    commit = f", commit {short(each.commit)}" if each.commit else ""
    title = f" {each.title}" if each.title else ""
    source_text = (each.source, *((each.landed_source,) if each.landed_source else ()))
    return Item(
        f"PR #{each.pull}{commit}{title}: {'; '.join(parts)}", each.certainty, each.reason, source_text
    )


def _pulls(numbers: Sequence[int]) -> str:
    return listing([f"#{number}" for number in numbers], 6)


def _tests(found: Triage) -> Iterator[Item]:
    for test in found.tests:
        file = f" in {test.file}" if test.file and not test.value.startswith(test.file) else ""
        yield Item(f"{test.value}{file}", test.certainty, test.reason, (test.source,))
    for command in found.test_commands:
        yield Item(
            "command on the page, not checked", command.certainty, "", (command.source,), (command.value,)
        )


def _error(found: Triage) -> Iterator[Item]:
    if error := found.error:
        kind = "first symptom" if error.symptom else "root cause"
        yield Item(
            f"{kind}: {error.headline}", error.certainty, f"signature {error.signature}", (error.source,)
        )


def _builds(found: Triage) -> Iterator[Item]:
    for state, title in (("failed", "red"), ("passed", "green"), ("", "result unknown")):
        listed = [_build(build) for build in found.builds if build.state == state]
        if listed:
            yield Item(f"{title}: {listing(listed, _ITEM_LIMIT)}")


def _build(build: Build) -> str:
    return f"{build.pipeline} #{build.value}".strip()


def _commands(found: Triage) -> Iterator[Item]:
    for command in found.commands:
        purpose = (
            command.purpose if command.ready else f"{command.purpose} (after filling in what is missing)"
        )
        yield Item(purpose, calls=(command.argv,))


def render_triage(found: Triage) -> RenderableType:
    """Render the report for a terminal."""
    where = f"{found.project}#{found.issue}" if found.issue and found.project else found.project
    head = clean_line(found.title, _LINE_LIMIT) or "Page without a title"
    parts: list[RenderableType] = [Text(head, "bold")]
    parts += [Text(clean_line(where), "dim")] if where else []
    for section in sections(found):
        parts += [Text(), Text(section.title, "bold")]
        parts += [line for item in section.items for line in _lines(item)]
        parts += [Text(f"  {section.empty}", "dim")] if not section.items else []
        parts += (
            [Text(f"  and {section.more} more: use --json for the full list", "dim")] if section.more else []
        )
    return Group(*parts)


def _lines(item: Item) -> Iterator[Text]:
    head = Text(f"  {clean_line(item.text, _LINE_LIMIT)}")
    if item.certainty:
        head.append(f"  [{item.certainty}]", "bold" if item.certainty == "guess" else "dim")
    yield head
    if item.reason:
        yield Text(f"      {clean_line(item.reason, _LINE_LIMIT)}", "dim")
    for place, text in item.quoted:
        yield Text(f'      {place}: "{clean_line(text, _LINE_LIMIT)}"', "dim")
    for call in item.calls:
        line = Text(f"      {clean_line(call)}")
        line.no_wrap, line.overflow = True, "ignore"
        yield line
