"""Render `explain`: the failures found in log files, as trees like in a session's report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bisect_tool.evidence import is_symptom
from bisect_tool.format import count, listing
from bisect_tool.render.failures import render_chain
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bisect_tool.evidence import Event, LogFailure

Place = tuple[str, int]
_FULL_LIMIT = 4
_BRIEF_LIMIT = 10
_TESTS_NAMED = 4
_LINE_LENGTH = 160
_EXCERPT_LINES = 30
_LINE_LIMIT = 500
_LABEL = 11


@dataclass(frozen=True)
class Explanation:
    """A failure of some tests, or of a log without tests, and the file and line of each event."""

    tests: tuple[str, ...]
    root: Event
    chain: tuple[Event, ...]
    places: tuple[Place, ...]
    signature: str
    excerpt: str
    symptom: bool

    @property
    def title(self) -> str:
        """`Why test_a and 3 more fail`."""
        if not self.tests:
            return f"Why {self.places[0][0]} fails"
        more = len(self.tests) - 1
        return f"Why {self.tests[0]} and {more} more fail" if more else f"Why {self.tests[0]} fails"


def explanations(
    found: Iterable[LogFailure], place: Callable[[str, int], Place], hide: Callable[[str], str]
) -> tuple[Explanation, ...]:
    """Return an explanation for each failure, in the same order; `hide` masks secrets."""
    return tuple(_explanation(each, place, hide) for each in found)


def _explanation(
    found: LogFailure, place: Callable[[str, int], Place], hide: Callable[[str], str]
) -> Explanation:
    failure = found.failure
    chain = tuple(_redacted(event, hide) for event in failure.chain)
    return Explanation(
        tests=(hide(found.test),) if found.test else (),
        root=chain[0],
        chain=chain,
        places=tuple(place(event.source, event.line) for event in failure.chain),
        signature=hide(str(failure.signature)),
        excerpt=hide(failure.excerpt),
        symptom=is_symptom(failure.root),
    )


def _redacted(event: Event, hide: Callable[[str], str]) -> Event:
    return event.model_copy(update={"message": hide(event.message), "lines": tuple(map(hide, event.lines))})


def document(found: Sequence[Explanation]) -> str:
    """Return the JSON document with every failure, the most severe first."""
    failures = [
        {
            "test": each.tests[0] if each.tests else "",
            "symptom": each.symptom,
            "root": _event(each.root, each.places[0]),
            "chain": [_event(*pair) for pair in zip(each.chain, each.places, strict=True)],
            "signature": each.signature,
            "excerpt": each.excerpt,
        }
        for each in found
    ]
    return json.dumps({"schema": 1, "command": "explain", "failures": failures}, indent=2)


def _event(event: Event, place: Place) -> dict[str, Any]:
    file, line = place
    return {
        "role": event.role,
        "pid": event.pid,
        "kind": event.kind,
        "exception": event.exception,
        "message": event.message,
        "frames": [frame.model_dump() for frame in event.frames],
        "time": event.time or None,
        "file": file,
        "line": line or None,
    }


def grouped(found: Iterable[Explanation]) -> tuple[Explanation, ...]:
    """Merge the explanations with equal signatures; each has all of their tests."""
    groups: dict[str, list[Explanation]] = {}
    for each in found:
        groups.setdefault(each.signature, []).append(each)
    return tuple(_merge(group) for group in groups.values())


def _merge(group: Sequence[Explanation]) -> Explanation:
    tests = tuple(dict.fromkeys(test for each in group for test in each.tests))
    first = group[0]
    return Explanation(
        tests, first.root, first.chain, first.places, first.signature, first.excerpt, first.symptom
    )


def render_explanations(found: Sequence[Explanation]) -> RenderableType:
    """Render the first failures as trees, the others in one line each."""
    groups = grouped(found)
    parts: list[RenderableType] = []
    for each in groups[:_FULL_LIMIT]:
        parts += [Text()] if parts else []
        parts.append(_full(each))
    if brief := groups[_FULL_LIMIT : _FULL_LIMIT + _BRIEF_LIMIT]:
        lines = [Text(f"  {clean_line(_brief(each), _LINE_LENGTH)}") for each in brief]
        parts += [Text(), Text("Other signatures", "bold"), *lines]
    if (more := len(groups) - _FULL_LIMIT - _BRIEF_LIMIT) > 0:
        parts.append(Text(f"  and {count(more, 'more signature')}: use --json for the full list", "dim"))
    return Group(*parts)


def _full(each: Explanation) -> RenderableType:
    lines = each.excerpt.split("\n")
    shown = lines if len(lines) <= _EXCERPT_LINES else [*lines[: _EXCERPT_LINES - 1], "..."]
    tests = listing(each.tests, _TESTS_NAMED) if len(each.tests) > 1 else ""
    return Group(
        render_chain(each, each.title),
        *(_labelled(label, text) for label, text in _labelled_texts(each, tests)),
        Text("  Excerpt", "bold"),
        Padding(Group(*(Text(clean_line(line, _LINE_LIMIT), "dim") for line in shown)), (0, 0, 0, 4)),
    )


def _labelled_texts(each: Explanation, tests: str) -> tuple[tuple[str, str], ...]:
    rows = (("Tests", tests), ("Signature", each.signature), ("Log", where(each.places[0])))
    return tuple((label, text) for label, text in rows if text)


def _labelled(label: str, text: str) -> Text:
    line = Text.assemble((f"  {label:<{_LABEL}}", "bold"), clean_line(text))
    line.no_wrap, line.overflow = True, "ignore"
    return line


def where(place: Place) -> str:
    """`build.log:12`."""
    file, line = place
    return f"{file}:{line}" if line else file


def _brief(each: Explanation) -> str:
    who = each.title.removeprefix("Why ")
    return f"{who}: {each.root.headline or each.root.kind}"
