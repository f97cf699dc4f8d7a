"""Builds, commits, issues and pull requests that a line mentions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROJECT = r"[A-Za-z0-9][\w.-]{0,38}/[A-Za-z0-9][\w.-]{0,99}"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_BUILD_URL = re.compile(
    r"buildkite\.com/(?:organizations/(?P<organisation>[\w-]+)/pipelines/(?P<slug>[\w.-]+)|(?P<pipeline>[\w-]+/[\w.-]+))"
    r"/builds/(?P<number>\d{1,9})(?P<rest>[^\s<>)\]\"']*)"
)
_RUN_URL = re.compile(
    rf"github\.com/(?P<project>{_PROJECT})/actions/runs/(?P<number>\d{{1,15}})(?:/(?:attempts/\d+/)?jobs?/(?P<job>\d{{1,15}}))?"
)
_JOB = re.compile(rf"(?:#|[?&]jid=|/jobs/)(?P<job>{_UUID})")
_STEP = re.compile(rf"[?&]sid=(?P<step>{_UUID})")
_GITHUB_URL = re.compile(
    rf"github\.com/(?P<project>{_PROJECT})/(?P<kind>issues|pull)/(?P<number>\d{{1,9}})(?![\w/]*actions)"
)
_COMMIT_URL = re.compile(
    rf"(?:github\.com|hud\.pytorch\.org)/(?P<project>{_PROJECT})/commits?/(?P<sha>[0-9a-f]{{7,40}})\b"
)
_COMPARE_URL = re.compile(
    rf"github\.com/{_PROJECT}/compare/(?P<first>[0-9a-f]{{7,40}})\.{{2,3}}(?P<second>[0-9a-f]{{7,40}})\b"
)
_NUMBER = re.compile(
    rf"(?:(?<![\w./-])(?P<project>{_PROJECT})|(?<![\w&/#]))#(?P<number>\d{{1,9}})\b(?!-)"
    r"|\b(?:PR|pull request|pull)s?(?:\s?#\s?|\s?)(?P<bare>\d{2,9})\b"
    r"|\bRevert # (?P<loose>\d{2,9})\b|\bgh-(?P<hyphened>\d{1,9})\b",
    re.IGNORECASE,
)
_PULL_BEFORE = re.compile(
    r"\b(?:PRs?|pull requests?|merge[ds]?|reverts?|reverted by|reverting|re-?(?:appl|add|land)\w*|"
    r"cherry-?pick\w*|solved by|fixed by|supersede[sd]?|favou?r of|followups? to)[\s:(]*$",
    re.IGNORECASE,
)
_ISSUE_BEFORE = re.compile(
    r"\b(?:issues?|fix(?:es|ed)?|close[sd]?|resolve[sd]?|relates? to|see|as described in)[\s:]*$",
    re.IGNORECASE,
)
_FIX_BEFORE = re.compile(r"\bfix:\s*$", re.IGNORECASE)
_BUILD_BEFORE = re.compile(
    r"\b(?:builds?|nightl(?:y|ies)|dail(?:y|ies)|ci)(?:\(s\))?[\s:,(]*$", re.IGNORECASE
)
_BUILD_LABEL = re.compile(
    r"(?:.*\b(?:builds?(?:\(s\))?|nightl(?:y|ies)|dail(?:y|ies)|"
    r"(?:red|green|failing|passing|failed|passed)\s+runs?)(?!\w)"
    r"[^:#]{0,60}:|\W*(?:red|green|fail\w*|pass\w*)\b[^:#]{0,40}:)",
    re.IGNORECASE,
)
_OF_A_CHANGE = re.compile(
    r"\.\s|\b(?:caused|broken|introduced|fixed|reverted) (?:by|in)\b|\bculprit\b|\bdue to\b", re.IGNORECASE
)
_HEX = re.compile(r"(?<![\w./=-])(?P<sha>[0-9a-f]{7,40})(?![\w-]|\.[a-z0-9])")
_LOCAL_VERSION = re.compile(r"\d\+g(?P<sha>[0-9a-f]{7,40})\b")  # of setuptools-scm
_COMMIT_BEFORE = re.compile(
    r"(?:\b(?:commits?(?: ids?)?|shas?|revisions?|rev|HEAD|at|on|since|before|after|of|good|bad|is|w/|"
    r"from|by|in|to|with|culprit|blamed?)"
    r"(?: is)?|[(@]|#\d+[\s(]+)[\s:=(]*$",
    re.IGNORECASE,
)
_COMMIT_AFTER = re.compile(
    r"\s*(?:\([^()]{0,60}\)\s*)?(?:is|was) the\b[^.;]{0,20}\b(?:commit|culprit)\b", re.IGNORECASE
)
_WORDS_BEFORE = 60
_LIST = re.compile(r"^[\s,;&]*(?:and\s+)?$")
_LETTERS = re.compile(r"[a-f]")
_DIGITS = re.compile(r"\d")


@dataclass(frozen=True)
class BuildMention:
    """A build; `start` and `end` are its place in the line."""

    number: int
    start: int
    end: int
    service: Literal["buildkite", "github", ""] = ""
    pipeline: str = ""
    job: str = ""
    step: str = ""


@dataclass(frozen=True)
class NumberMention:
    """An issue or a pull request; `project` is empty for the page's own."""

    number: int
    start: int
    end: int
    kind: Literal["pull", "issue", "either"]
    project: str = ""


@dataclass(frozen=True)
class CommitMention:
    """A commit; `named` where the words around it say that it is one."""

    sha: str
    start: int
    end: int
    named: bool


def builds(text: str, section: str = "", *, linked: bool = False) -> tuple[BuildMention, ...]:
    """The builds that a line names by address or, unless only `linked` ones count, by words and a number."""
    found = [*_linked_builds(text)]
    if not linked:
        found += _numbered_builds(text, section)
    return tuple(sorted(found, key=lambda each: each.start))


def _linked_builds(text: str) -> Iterator[BuildMention]:
    for match in _BUILD_URL.finditer(text):
        slug = match["pipeline"] or f"{match['organisation']}/{match['slug']}"
        job, step = _JOB.search(match["rest"]), _STEP.search(match["rest"])
        yield BuildMention(
            int(match["number"]),
            *match.span(),
            "buildkite",
            slug,
            job["job"] if job else "",
            step["step"] if step else "",
        )
    for match in _RUN_URL.finditer(text):
        yield BuildMention(
            int(match["number"]), *match.span(), "github", match["project"], match["job"] or ""
        )


def _numbered_builds(text: str, section: str) -> Iterator[BuildMention]:
    label = _BUILD_LABEL.match(text)
    labelled = label.end() if label else len(text)
    change = _OF_A_CHANGE.search(text, labelled)
    changed = change.end() if change else len(text)
    only_builds = _is_build_list(text, section)
    previous = -1
    for match in _NUMBER.finditer(text):
        if match["number"] is None or match["project"]:
            continue
        listed = previous >= 0 and bool(_LIST.match(text[previous : match.start()]))
        pull = _kind(_before(text, match.start())) == "pull"
        about = labelled <= match.start() < changed and text.count(
            "(", labelled, match.start()
        ) == text.count(")", labelled, match.start())
        if not pull and (
            listed or about or _BUILD_BEFORE.search(_before(text, match.start())) or only_builds
        ):
            yield BuildMention(int(match["number"]), *match.span())
            previous = match.end()


def _is_build_list(text: str, section: str) -> bool:
    return bool(re.search(r"\bbuilds?\b", section, re.IGNORECASE) and re.fullmatch(r"[\W\d]+", text))


@lru_cache(maxsize=4096)
def numbers(text: str) -> tuple[NumberMention, ...]:
    """The issues and pull requests that a line names, by address or by number; numbers of builds as well."""
    found = [
        NumberMention(
            int(match["number"]),
            *match.span(),
            "pull" if match["kind"] == "pull" else "issue",
            match["project"],
        )
        for match in _GITHUB_URL.finditer(text)
    ]
    for match in _NUMBER.finditer(text):
        each, last = _numbered(text, match), found[-1] if found else None
        if (
            last
            and last.kind == "pull"
            and each.kind == "either"
            and _LIST.match(text[last.end : each.start])
        ):
            each = replace(each, kind="pull")  # `#12 and #13`
        found.append(each)
    return tuple(sorted(found, key=lambda each: each.start))


def _numbered(text: str, match: re.Match[str]) -> NumberMention:
    bare = match["bare"] or match["loose"]
    kind = "pull" if bare else _kind(_before(text, match.start()))
    return NumberMention(
        int(bare or match["number"] or match["hyphened"]), *match.span(), kind, match["project"] or ""
    )


def _kind(before: str) -> Literal["pull", "issue", "either"]:
    """What the words right before a number say that it is; `Fix:` may be before either."""
    words = before.rstrip(" \t:(")
    if "(" in before[len(words) :]:
        return "pull"
    if not words[-1:].isalpha():  # most numbers of a list have no word before them
        return "either"
    if _PULL_BEFORE.search(before):
        return "pull"
    return "issue" if _ISSUE_BEFORE.search(before) and not _FIX_BEFORE.search(before) else "either"


def _before(text: str, place: int) -> str:
    """The words before a place."""
    return text[max(place - _WORDS_BEFORE, 0) : place]


def full_ids(shas: Iterable[str]) -> dict[str, str]:
    """For each id of a commit the longest one that it abbreviates, which may be itself."""
    full: dict[str, str] = {}
    after = ""
    for sha in sorted(set(shas), reverse=True):
        full[sha] = full[after] if after and after.startswith(sha) else sha
        after = sha
    return full


@lru_cache(maxsize=4096)
def commits(text: str) -> tuple[CommitMention, ...]:
    """The commits that a line names: by address, or a hexadecimal word with digits and letters."""
    found = [
        CommitMention(match["sha"], *match.span("sha"), named=True) for match in _COMMIT_URL.finditer(text)
    ]
    for match in _COMPARE_URL.finditer(text):
        found += [CommitMention(match[name], *match.span(name), named=True) for name in ("first", "second")]
    found += [
        CommitMention(match["sha"], *match.span("sha"), named=True) for match in _LOCAL_VERSION.finditer(text)
    ]
    taken = {each.start for each in found}
    for match in _HEX.finditer(text):
        sha = match["sha"]
        whole = len(sha) == 40
        before = _before(text, match.start())
        named = whole or bool(_COMMIT_BEFORE.search(before) or _COMMIT_AFTER.match(text, match.end()))
        if match.start() not in taken and (whole or (_LETTERS.search(sha) and _DIGITS.search(sha))):
            found.append(CommitMention(sha, *match.span(), named=named))
    return tuple(sorted(found, key=lambda each: each.start))
