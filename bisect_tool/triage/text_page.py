"""Read a page saved as Markdown or plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.triage.page import LINE_LIMIT, LINES, RawLine, RawPage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"\s*(?:> ?)*(?P<mark>`{3,}|~{3,})(?P<rest>.*)$")
_HEADING = re.compile(r"(?P<marks>#{1,6})\s+(?P<text>.*?)\s*#*$")
_BOLD_HEADING = re.compile(r"\*\*(?P<text>[^*]{2,60})\*\*:?$")
_LINK = re.compile(
    r"!?\[(?P<text>(?:[^\[\]\n]|\[[^\[\]\n]{0,100}\]){0,500})\]\((?P<url>[^\s()\[]{1,1000})(?: \"[^\"]*\")?\)"
)
_MARKUP = re.compile(
    r"\*\*|`+|</?(?:details|summary|code|b|i|em|strong|p|br|sub|sup|kbd|pre)\s*/?>|<!--.*?-->"
)
_SPAN = re.compile(r"`([^`\n]+)`")
_MARKDOWN = re.compile(r" *(?:`{3}|~{3}|#{2,6} \S|[-*] \[[ xX]\] )|.*\]\(https?://")
_NO_HEADING = re.compile(r"[-*+>|]|\d+[.)] |.*[.,:;!?]$|.*(?:#\d|https?://|::|=|\(\)|\.py|\btest_\w)")
_HEADING_LIMIT = 60
_UNKNOWN = 9


def read_text(text: str, place: str = "", *, markdown: bool | None = None) -> RawPage:
    """The lines of a text; `place` is put before the line numbers.

    Headings of plain text are short lines with nothing before and after them; Markdown marks its own.
    """
    lines = [line[:LINE_LIMIT].rstrip() for line in text.split("\n")[: LINES + 1]]
    marked = _is_markdown(lines) if markdown is None else markdown
    found = tuple(_lines(lines, place, marked=marked))
    return RawPage(found, title=next((line.text for line in found if line.text.strip()), ""))


def plain(text: str) -> str:
    """A line of Markdown without emphasis and code marks; a link becomes its text and its address."""
    return _MARKUP.sub("", _LINK.sub(_unlinked, text))


def _unlinked(match: re.Match[str]) -> str:
    text, url = match["text"], match["url"]
    return text if url == text or url in text else f"{text} ({url})"


def _is_markdown(lines: Sequence[str]) -> bool:
    return any(_MARKDOWN.match(line) for line in lines)  # a single # also begins a comment


def _lines(lines: Sequence[str], place: str, *, marked: bool) -> Iterator[RawLine]:
    fence = ""
    before = f"{place}, " if place else ""
    for number, line in enumerate(lines, 1):
        where = f"{before}line {number}"
        if match := _FENCE.match(line):
            if not fence:
                fence = match["mark"]
                continue
            if match["mark"].startswith(fence) and not match["rest"].strip():
                fence = ""
                continue
        if fence:
            yield RawLine(line, where, code=True)
        else:
            level, shown = _heading(lines, number - 1, marked=marked)
            yield RawLine(shown, where, level, spans=tuple(_SPAN.findall(line)))


def _heading(lines: Sequence[str], at: int, *, marked: bool) -> tuple[int, str]:
    """The level of a heading, 0 where it is none, and the text of the line."""
    line = lines[at].strip()
    if match := _HEADING.match(line):
        return len(match["marks"]), plain(match["text"])
    if match := _BOLD_HEADING.match(line):
        return _UNKNOWN, plain(match["text"])
    if marked or not line or len(line) > _HEADING_LIMIT or _NO_HEADING.match(line):
        return 0, plain(line)
    alone = not _at(lines, at - 1) and not _at(lines, at + 1)
    return (_UNKNOWN if alone and not line[0].islower() else 0), plain(line)


def _at(lines: Sequence[str], at: int) -> str:
    return lines[at].strip() if 0 <= at < len(lines) else ""
