"""The changes that a line names: what can be at fault. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.triage import mentions

if TYPE_CHECKING:
    from bisect_tool.triage.links import Links
    from bisect_tool.triage.page import Line

_SHORT = 7
_LISTED = 40
"""A line with more is a list, and says nothing of each."""


@dataclass(frozen=True)
class Named:
    """A pull request or commit in a line."""

    pull: int | None
    commit: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """The same for each mention of one change."""
        return str(self.pull) if self.pull else self.commit[:_SHORT]


def named_in(links: Links, line: Line) -> list[Named]:
    """What the line names that can be at fault; a commit beside its pull request is one with it."""
    found = [
        Named(each.number, links.commit_of_pull.get(each.number, ""), each.start, each.end)
        for each in links.discussed(line)
        if links.is_own(each) and each.kind != "issue"
    ]
    paired = {each.commit for each in found if each.commit}
    for commit in mentions.commits(line.text):
        if commit.sha not in paired and commit.named and commit.sha not in links.built_commits:
            found.append(Named(None, commit.sha, commit.start, commit.end))  # noqa: PERF401 - reads better
    return sorted(found, key=lambda each: each.start) if len(found) <= _LISTED else []
