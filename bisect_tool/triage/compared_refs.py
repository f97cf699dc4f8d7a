"""Commits and tags in the sentences that compare two of them: what works, and what is broken. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from bisect_tool.triage.sentences import is_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

# A version, or a numbered build as llama.cpp tags them: `v0.8.1rc1`, `b4100`.
TAG = r"(?:v\d+\.\d+(?:\.\d+)*(?:[-.]?(?:rc|alpha|beta|post|dev)\.?\d+)*|b\d{4,5})"
SHA = r"(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}"
REF = rf"(?:{SHA}|{TAG})"
_EDGE = r"(?![\w-]|\.\d)"
_GREEN = r"(?:works?|worked|passe[sd]|good|green|fine|ok)"
_RED = r"(?:fail(?:s|ed)?|broken|bad|red|regressed)"
_SUBJECT = re.compile(
    rf"(?:(?<![\w./-])|(?<=\d\+g))(?P<ref>{REF}){_EDGE}\)?\s+(?:(?:still|everything|all|it)\s+)?"
    rf"(?:(?:is|was)\s+)?(?:(?P<good>{_GREEN})|(?P<bad>{_RED}))\b"
    r"(?! (?:to (?:build|compile|install)|first|commit|build))",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?:\brange\b[^.;]{{0,20}}?|\bcompare/)(?<![\w.])(?P<good>{REF})\.{{2,3}}(?P<bad>{REF}){_EDGE}",
    re.IGNORECASE,
)
_AT_START = re.compile(
    rf"[\s\W]*(?:(?:commit|tag|release|version|is|was)\s+)*(?P<tag>{TAG}){_EDGE}", re.IGNORECASE
)
_ABOUT = re.compile(
    r"\b(?:regress\w*|broke\w*|fail\w*|red|suspect\w*|culprit|bad|bisect\w*)\b", re.IGNORECASE
)


class Compared(NamedTuple):
    """A commit or a tag, and whether it is good."""

    side: Literal["good", "bad"]
    ref: str


class Range(NamedTuple):
    """Two commits or tags; `about` where the line says that it is about the failure."""

    good: str
    bad: str
    about: bool


def compared(text: str) -> Iterator[Compared]:
    """The commits and tags that a line says to work or to be broken: `v0.8.0 works, v0.8.1 is broken`."""
    for match in _SUBJECT.finditer(text):
        if not is_denied(text, match.start(), match.end()):
            yield Compared("good" if match["good"] else "bad", match["ref"])


def ranges(text: str) -> Iterator[Range]:
    """The ranges of a line, as git and GitHub write them."""
    for match in _RANGE.finditer(text):
        yield Range(match["good"], match["bad"], bool(_ABOUT.search(text)))


def is_tag(ref: str) -> bool:
    """Whether a reference is a tag, and not a commit's id."""
    return re.fullmatch(TAG, ref, re.IGNORECASE) is not None


def tag_at(text: str, start: int, stop: int) -> str:
    """The tag that a part of a line begins with, or empty."""
    match = _AT_START.match(text, start, stop)
    return match["tag"] if match else ""
