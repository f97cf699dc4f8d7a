"""What a URL names: an issue, a pull request, a build or a job. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.triage.mentions import builds

if TYPE_CHECKING:
    from bisect_tool.triage.mentions import BuildMention

_ISSUE = re.compile(
    r"https?://(?:www\.)?github\.com/(?P<project>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/(?P<kind>issues|pull)/(?P<number>\d{1,9})(?:[/?#].*)?"
)
_SHORT = re.compile(r"(?P<project>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)#(?P<number>\d{1,9})")


@dataclass(frozen=True)
class IssueAddress:
    """An issue or a pull request on GitHub."""

    project: str
    number: int

    @property
    def page(self) -> str:
        """The page that people open."""
        return f"https://github.com/{self.project}/issues/{self.number}"


def is_address(text: str) -> bool:
    """Whether it is meant as a URL or as `owner/name#N`, and not as a file."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE)) or bool(_SHORT.fullmatch(text))


def issue_address(text: str) -> IssueAddress | None:
    """The issue that an address names; None of another page."""
    match = _ISSUE.fullmatch(text) or _SHORT.fullmatch(text)
    return IssueAddress(match["project"], int(match["number"])) if match else None


def build_address(text: str) -> BuildMention | None:
    """The build, job or step that an address names; None of another page."""
    found = builds(text, linked=True)
    return found[0] if len(found) == 1 and re.match(r"https?://", text, re.IGNORECASE) else None
