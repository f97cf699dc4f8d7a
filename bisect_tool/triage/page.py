"""A page as lines: the place of each, its heading, and in whose description."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINE_LIMIT = 2000
LINES = 10_000
"""So many lines of a page are read, and so many characters of each."""
CHARACTERS = 200_000
"""So many characters of a page's prose are read, and so many of what it quotes as code."""
_UNKNOWN = 9
_BLANKS = re.compile(r" {2,}")
_PULL_HEADING = re.compile(r"(?:PR|Pull request) #(?P<number>\d{1,9}): (?P<title>\S.*)", re.IGNORECASE)
_CHANGED_FILE = re.compile(r"\((?:modified|added|removed|deleted|renamed|copied), [+-]")
_PROJECT_NUMBER = re.compile(r"\W*(?P<project>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)#(?P<number>\d{1,9})")
_PROJECT_URL = re.compile(
    r"github\.com/(?P<project>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/(?:issues|pull|commit)/"
)


@dataclass(frozen=True)
class RawLine:
    """A line of a page as a format's reader found it.

    Attributes:
        text: its text, without markup.
        place: where it is, such as `line 12` or `comment 2, line 1`.
        level: of a heading 1 to 6, or 9 where the text does not say; 0 of any other line.
        code: whether it is part of a code block.
        spans: the parts of it that are marked as code.
    """

    text: str
    place: str
    level: int = 0
    code: bool = False
    spans: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of a page; `pull` is the pull request whose description it belongs to."""

    text: str
    place: str
    section: str = ""
    code: bool = False
    pull: int | None = None
    spans: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pull:
    """A pull request that the page describes, as far as it says.

    `merged` is when it was merged, or empty; `settled` is false where the page does not say whether it was.
    """

    number: int
    title: str
    place: str
    merged: str = ""
    settled: bool = False
    commit: str = ""


@dataclass(frozen=True)
class BuildRecord:
    """A build whose own record the page is."""

    number: int
    pipeline: str
    state: str
    commit: str
    place: str


@dataclass(frozen=True)
class RawPage:
    """What a format's reader found: the lines, and what the data say outright."""

    lines: tuple[RawLine, ...]
    title: str = ""
    project: str = ""
    number: int | None = None
    created: str = ""
    pulls: tuple[Pull, ...] = ()
    builds: tuple[BuildRecord, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page whose lines know their section.

    Attributes:
        title: the title of the issue, or empty.
        project: `owner/name` on GitHub, or empty.
        number: the issue's own number, where it is known.
        created: when it was written, ISO 8601, or empty.
        lines: everything it says, in order; no line is empty.
        pulls: the pull requests that it describes, by number.
        builds: the builds whose records it has.
        cut: the place from which on it was not read, or empty.
    """

    title: str
    project: str
    number: int | None
    created: str
    lines: tuple[Line, ...]
    pulls: Mapping[int, Pull] = field(default_factory=dict)
    builds: tuple[BuildRecord, ...] = ()
    cut: str = ""


def assemble(raw: RawPage) -> Page:
    """Give each line its section and its pull request, and find out whose page it is."""
    kept, cut = _within_limits(raw.lines)
    lines, found = _sections(kept)
    pulls = {each.number: each for each in found} | {each.number: each for each in raw.pulls}
    project, number = _identity(raw)
    return Page(clean_line(raw.title), project, number, raw.created, tuple(lines), pulls, raw.builds, cut)


def _within_limits(raw: Iterable[RawLine]) -> tuple[list[RawLine], str]:
    """The lines that are read, and the place of the first one that is not."""
    kept: list[RawLine] = []
    left = {True: CHARACTERS, False: CHARACTERS}
    cut = ""
    for each in raw:
        text = each.text[:LINE_LIMIT]
        left[each.code] -= len(text)
        if len(kept) < LINES and left[each.code] >= 0:
            kept.append(each)
        else:
            cut = cut or each.place
    return kept, cut


def _sections(raw: Iterable[RawLine]) -> tuple[list[Line], list[Pull]]:
    lines: list[Line] = []
    pulls: list[Pull] = []
    section, pull, level, files = "", None, 0, False
    for each in raw:
        text = clean_line(each.text, LINE_LIMIT).strip()
        text = text if each.code else _BLANKS.sub(" ", text)
        if not text or _CHANGED_FILE.search(text):
            continue
        if (match := _PULL_HEADING.match(text)) and not each.code:
            pull, section, level, files = int(match["number"]), text, each.level, False
            pulls.append(Pull(pull, match["title"], each.place))
        elif text.lower() == "changed files":
            files = True
            continue
        else:
            if files or 0 < each.level <= level < _UNKNOWN:  # the list of files ends a description
                pull, files = None, False
            section = text if each.level else section
        lines.append(Line(text, each.place, section, each.code, pull, each.spans))
    return lines, pulls


def _identity(raw: RawPage) -> tuple[str, int | None]:
    """The project, and the issue's number: what the data say, else a line that begins with both."""
    if raw.project:
        return raw.project, raw.number
    texts = [raw.title, *(line.text for line in raw.lines)]
    for text in texts:
        if match := _PROJECT_NUMBER.match(text):
            return match["project"], int(match["number"])
    named = Counter(match["project"] for text in texts for match in _PROJECT_URL.finditer(text))
    return (named.most_common(1)[0][0] if named else ""), raw.number
