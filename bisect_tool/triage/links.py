"""Which commit belongs to which build and pull request, and what each number is. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from bisect_tool.triage import mentions
from bisect_tool.triage.dates import dates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from bisect_tool.triage.mentions import BuildMention, CommitMention, NumberMention
    from bisect_tool.triage.page import Line, Page

_YEAR = re.compile(r"(?<![\w-])(20\d\d)-\d\d-\d\d")
_BESIDE = re.compile(
    r"(?: \(https?://[^\s)]+\))?[\s,:=()\[@|-]{1,4}(?:commit\s+)?$|\s*\([^()#]{0,60}\bcommit:?\s+$",
    re.IGNORECASE,
)
_ALONE = re.compile(r"\W*commit(?: id)?(?: is)?\W*(?P<sha>[0-9a-f]{7,40})\W*", re.IGNORECASE)
_KNOWN_MIN = 1000
_REACH = 80
_LISTED = 40
_DISCUSSED = 2000
"""So many numbers in a line are a list, and of so many of a page the words around them are read."""


@dataclass(frozen=True)
class Links:
    """The page with what its numbers mean."""

    page: Page

    @cached_property
    def year(self) -> int | None:
        """The year of days that are written without one."""
        if re.match(r"20\d\d-", self.page.created):
            return int(self.page.created[:4])
        years = Counter(match for line in self.page.lines for match in _YEAR.findall(line.text))
        return int(years.most_common(1)[0][0]) if years else None

    @cached_property
    def build_numbers(self) -> frozenset[int]:
        """The numbers that are builds."""
        return frozenset(each.number for line in self.page.lines for each in self._builds[line])

    @cached_property
    def pull_numbers(self) -> frozenset[int]:
        """The numbers of this project that are pull requests by an address, a heading or a word."""
        return frozenset(self.page.pulls) | {
            each.number
            for line in self.page.lines
            for each in mentions.numbers(line.text)
            if each.kind == "pull" and each.project in {"", self.page.project}
        }

    @cached_property
    def commit_of_pull(self) -> Mapping[int, str]:
        """The commits right beside the numbers of pull requests."""
        found: dict[int, str] = {each.number: each.commit for each in self.page.pulls.values() if each.commit}
        for line in self.page.lines:
            for pull in self.numbers(line):
                commits = mentions.commits(line.text)
                if sha := _beside(line.text, pull.end, commits) or _in_front(line.text, pull, commits):
                    found.setdefault(pull.number, sha)
        return found

    @cached_property
    def commit_of_build(self) -> Mapping[int, str]:
        """The commits right beside the numbers of builds, or that their records have."""
        found = {each.number: each.commit for each in self.page.builds}
        for line in self.page.lines:
            for build in self.builds(line):
                if sha := _beside(line.text, build.end, mentions.commits(line.text)):
                    found.setdefault(build.number, sha)
        for before, line in pairwise(self.page.lines):
            above, below = self.builds(before), _ALONE.fullmatch(line.text)
            if len(above) == 1 and below:
                found.setdefault(above[0].number, below["sha"])
        return found

    @cached_property
    def pipeline(self) -> str:
        """The one pipeline of Buildkite that the page links, or empty."""
        named = {
            each.pipeline
            for line in self.page.lines
            for each in mentions.builds(line.text, linked=True)
            if each.service == "buildkite"
        }
        return named.pop() if len(named) == 1 else ""

    def builds(self, line: Line) -> tuple[BuildMention, ...]:
        """The builds that a line names."""
        return tuple(
            each for each in self._builds[line] if each.service or each.number not in self.page.pulls
        )

    @cached_property
    def _builds(self) -> Mapping[Line, tuple[BuildMention, ...]]:
        return {line: mentions.builds(line.text, line.section, linked=line.code) for line in self.page.lines}

    def numbers(self, line: Line) -> tuple[NumberMention, ...]:
        """The issues and pull requests that a line names; a bare number counts where it is a known one."""
        return self._numbers[line]

    @cached_property
    def _numbers(self) -> Mapping[Line, tuple[NumberMention, ...]]:
        return {line: self._numbers_of(line) for line in self.page.lines}

    def discussed(self, line: Line) -> tuple[NumberMention, ...]:
        """The issues and pull requests of which a line says something, rather than only listing them."""
        return self._discussed[line]

    @cached_property
    def _discussed(self) -> Mapping[Line, tuple[NumberMention, ...]]:
        found: dict[Line, tuple[NumberMention, ...]] = {}
        left = _DISCUSSED
        for line, named in self._numbers.items():
            found[line] = named if len(named) <= min(_LISTED, left) else ()
            left -= len(found[line])
        return found

    @cached_property
    def built_commits(self) -> frozenset[str]:
        """The commits of the builds."""
        return frozenset(self.commit_of_build.values())

    def _numbers_of(self, line: Line) -> tuple[NumberMention, ...]:
        if line.code:
            return ()
        built = {place for each in self.builds(line) for place in range(each.start, each.end)}
        found = [
            each
            for each in mentions.numbers(line.text)
            if each.start not in built and (each.kind == "pull" or each.number not in self.build_numbers)
        ]
        taken = {each.start for each in found}
        for match in re.finditer(r"(?<![\w#/.-])\d{4,6}(?![\w/.-])", line.text):
            number = int(match[0])
            if number > _KNOWN_MIN and number in self.pull_numbers and match.start() not in taken:
                found.append(mentions.NumberMention(number, *match.span(), "pull"))
        return tuple(sorted(found, key=lambda each: each.start))

    def is_own(self, mention: NumberMention) -> bool:
        """Whether it is of the page's own project, and not the page itself."""
        return mention.project in {"", self.page.project} and mention.number != self.page.number

    def day(self, text: str) -> date | None:
        """The first day that a text names."""
        return next((each.day for each in dates(text, self.year)), None)


def _beside(text: str, end: int, commits: tuple[CommitMention, ...]) -> str:
    """The commit right after a place: `#34730 (27066d1b)`, `#54783 (daily Mar 5, commit a97954b6)`."""
    first = bisect_left(commits, end, key=lambda each: each.start)
    for each in takewhile(lambda each: each.start - end < _REACH, commits[first : first + _REACH]):
        if _BESIDE.fullmatch(text, end, each.start):
            return each.sha
    return ""


def _in_front(text: str, pull: NumberMention, commits: tuple[CommitMention, ...]) -> str:
    """The commit before a number: `27066d1b (#34730)`, and as `git log --oneline` writes them."""
    last = bisect_left(commits, pull.start, key=lambda each: each.start) - 1
    if last < 0 or text[pull.start - 1 : pull.start] != "(":
        return ""
    subject = len(commits) == 1 and not text[pull.end :].strip(" )")
    each = commits[last]
    return each.sha if subject or not text[each.end : pull.start - 1].strip(" ") else ""
