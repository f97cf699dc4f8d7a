"""Parse commits from `git log`, and the pull-request number in their subjects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean, clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_PULL_REQUEST = re.compile(r"\(#([0-9]{1,9})\)")
_MERGED_PULL_REQUEST = re.compile(r"Merge pull request #([0-9]{1,9}) from ")
_MERGE_REQUEST = re.compile(r"\(!([0-9]{1,9})\)|^See merge request [^\s!]*!([0-9]{1,9})$", re.MULTILINE)
_QUOTED = re.compile(r'^(Revert|Reapply) ".*"$')

_NO_SUBJECT = "(no subject)"
_NOBODY = "(no name)"
_NO_DATE = "(no date)"

# Fields and commits both end with NUL, which is the one character that none of them can hold.
FORMAT = "--format=tformat:%H%x00%P%x00%an%x00%aI%x00%s%x00%b"
_FIELDS = 6


@dataclass(frozen=True)
class Commit:
    """A commit; its texts are untrusted, and sanitised.

    Attributes:
        sha: The full object name.
        parents: The parents' names; the first is the mainline.
        author: The author's name, or `(no name)`.
        date: The author's date, ISO 8601 with its offset, or `(no date)`.
        subject: The first paragraph of the message as one line, or `(no subject)`.
        body: The rest of the message.
        pr: The number of its pull request, if the subject ends with one.
    """

    sha: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    body: str = ""
    pr: int | None = None


def pull_request(subject: str) -> int | None:
    """Return the last `(#N)` of a subject (2 in `Revert "... (#1)" (#2)`), or the number of GitHub's merge.

    None if the subject ends with a quoted one, as by `git revert`: that number is of the reverted commit.
    """
    if merged := _MERGED_PULL_REQUEST.match(subject):
        return int(merged[1])
    found = [] if _QUOTED.match(subject) else _PULL_REQUEST.findall(subject)
    return int(found[-1]) if found else None


def merge_request(subject: str, body: str) -> int | None:
    """Return the number of a GitLab merge request, from `(!N)` or the last line of GitLab's merge."""
    found = [one or other for one, other in _MERGE_REQUEST.findall(f"{subject}\n{body}")]
    return int(found[-1]) if found else None


def read_commits(log: str) -> Iterator[Commit]:
    """Parse commits from `git log -z` with FORMAT."""
    fields = log.split("\0")
    for start in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        sha, parents, author, date, subject, body = fields[start : start + _FIELDS]
        whole = clean_line(subject, len(subject) + 1)
        yield Commit(
            sha=sha,
            parents=tuple(parents.split()),
            author=clean_line(author).strip() or _NOBODY,
            date=clean_line(date) if date[:1].isdigit() else _NO_DATE,  # git prints `%aI` for it
            subject=clean_line(whole).strip() or _NO_SUBJECT,
            body=clean(body).strip(),
            pr=pull_request(whole),
        )
