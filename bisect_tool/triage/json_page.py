"""Read what the APIs of GitHub and Buildkite answered, and what `gh issue view --json` prints."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.sanitise import clean, clean_line
from bisect_tool.triage.page import BuildRecord, Pull, RawLine, RawPage
from bisect_tool.triage.text_page import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ISSUE_URL = re.compile(
    r"https?://(?:api\.)?github\.com/(?:repos/)?(?P<project>[\w.-]+/[\w.-]+)/(?P<kind>issues|pulls?)/(?P<number>\d+)"
)
_BUILD_URL = re.compile(
    r"(?:https?://(?:www\.)?buildkite\.com)?/(?P<pipeline>[\w.-]+/[\w.-]+)/builds/(?P<number>\d+)"
)
_SHA = re.compile(r"[0-9a-f]{7,40}")
_SOMETHING = re.compile(r"\S")
_ISSUE, _PULL = "Issue", "PullRequest"
"""What GitHub's GraphQL calls them."""
_DEPTH = 40


def read_json(text: str) -> RawPage | None:
    """The issue, comments, events and builds in one or several JSON values; None where it is no JSON."""
    try:
        values = list(_values(text))
    except (ValueError, RecursionError):
        return None
    found = _Found()
    for value in values:
        found.walk(value, _DEPTH)
    return RawPage(
        tuple(found.lines),
        found.title,
        found.project,
        found.number,
        found.created,
        tuple(found.pulls),
        tuple(found.builds),
    )


def _values(text: str) -> Iterator[Any]:
    """`gh api --paginate` prints one value after the other."""
    decoder, at = json.JSONDecoder(), 0
    while match := _SOMETHING.search(text, at):
        value, at = decoder.raw_decode(text, match.start())
        yield value


@dataclass
class _Found:
    """What was found so far; the first issue is the page's own."""

    lines: list[RawLine] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    builds: list[BuildRecord] = field(default_factory=list)
    title: str = ""
    project: str = ""
    number: int | None = None
    created: str = ""
    comments: int = 0

    def walk(self, value: Any, depth: int) -> None:  # noqa: ANN401 - any JSON value
        if depth <= 0:
            return
        if isinstance(value, list):
            for each in value:
                self.walk(each, depth - 1)
        elif isinstance(value, dict):
            self._object(value)
            for name, each in value.items():
                if name not in {"body", "user", "author", "labels", "assignees", "milestone"}:
                    self.walk(each, depth - 1)

    def _object(self, value: dict[str, Any]) -> None:
        if build := _build(value):
            self._add_build(build, value)
        elif isinstance(value.get("title"), str) and "number" in value:
            self._issue(value)
        elif isinstance(value.get("body"), str):
            self.comments += 1
            self._text(value["body"], f"comment {self.comments}{_by(value)}")
        if value.get("event") in {"closed", "referenced"} and (sha := _string(value, "commit_id")):
            self.lines.append(RawLine(f"{value['event']} by commit {sha}", f"event {value['event']}"))

    def _issue(self, value: dict[str, Any]) -> None:
        number, title = value["number"], clean_line(_string(value, "title"))
        named = _ISSUE_URL.match(_string(value, "html_url") or _string(value, "url"))
        typename = value.get("__typename", _ISSUE)  # projects and milestones have numbers as well
        if not isinstance(number, int) or typename not in {_ISSUE, _PULL}:
            return
        marks = ("pull_request", "mergedAt", "merged_at")
        is_pull = typename == _PULL or any(name in value for name in marks)
        if is_pull:
            self.pulls.append(_pull(number, title, value))
        if not self.title:
            self.title, self.number = title, number
            self.project = named["project"] if named else ""
            self.created = _string(value, "created_at") or _string(value, "createdAt")
            where = "the description"
            self.lines.append(RawLine(title, "the title", level=1))
        else:
            kind = "PR" if is_pull else "Issue"
            where = f"{kind} #{number}"
            self.lines.append(RawLine(f"{kind} #{number}: {title}", where))
        self._text(_string(value, "body"), where)
        if where != "the description":
            self.lines.append(RawLine("Changed files", where))

    def _text(self, body: str, place: str) -> None:
        self.lines += read_text(body.replace("\r\n", "\n"), place, markdown=True).lines

    def _add_build(self, build: BuildRecord, value: dict[str, Any]) -> None:
        self.builds.append(build)
        self.title = self.title or f"{build.pipeline} build {build.number}"
        message = _string(value, "message").partition("\n")[0]
        if message:
            self.lines.append(RawLine(message, f"build {build.number}"))
        for job in value.get("jobs") or ():
            if isinstance(job, dict) and job.get("state") in {"failed", "timed_out"}:
                failed_job = f"Failed job: {_string(job, 'name')} {_string(job, 'web_url')}"
                self.lines.append(RawLine(failed_job, f"build {build.number}, job"))


def _build(value: dict[str, Any]) -> BuildRecord | None:
    """The record of a build, by the REST API or as `builds/N.json` has it."""
    match = _BUILD_URL.search(_string(value, "web_url") or _string(value, "path"))
    commit = _sha(_string(value, "commit") or _string(value, "commit_id"))
    if match is None or not commit or value.get("number") != int(match["number"]):
        return None
    number = int(match["number"])
    return BuildRecord(number, match["pipeline"], _string(value, "state"), commit, f"build {number}")


def _pull(number: int, title: str, value: dict[str, Any]) -> Pull:
    link = value.get("pull_request")
    inside = link if isinstance(link, dict) else {}
    merged = _string(value, "merged_at") or _string(inside, "merged_at") or _string(value, "mergedAt")
    if not merged and _string(value, "state") == "MERGED":
        merged = "an unknown time"
    settled = bool(merged) or any("merged_at" in each for each in (value, inside)) or "mergedAt" in value
    commit = _string(value, "merge_commit_sha") if merged else ""
    commit = _sha(commit or _string(value.get("mergeCommit") or {}, "oid"))
    return Pull(number, title, f"PR #{number}", merged, settled, commit)


def _string(value: Any, name: str) -> str:  # noqa: ANN401 - any JSON value
    """A field without control characters: an escape of JSON can be any character."""
    found = value.get(name) if isinstance(value, dict) else None
    return clean(found) if isinstance(found, str) else ""


def _sha(text: str) -> str:
    return text if _SHA.fullmatch(text) else ""


def _by(value: dict[str, Any]) -> str:
    login = _string(value.get("user") or value.get("author") or {}, "login")
    return f" by {login}" if re.fullmatch(r"[\w-]{1,40}(?:\[bot\])?", login) else ""
