"""Read a page saved as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

from bisect_tool.triage.embedded_data import with_embedded_data
from bisect_tool.triage.page import RawLine, RawPage

_GITHUB = "https://github.com/"
_IGNORED = frozenset({"script", "style", "svg", "template", "noscript", "nav", "footer", "head"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "pre",
        "section",
        "article",
        "blockquote",
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
        "br",
        "hr",
        "header",
        "main",
        "body",
        "form",
        "aside",
        "figure",
        "tbody",
        "thead",
    ]
)
_KEPT_LINK = re.compile(
    r"https?://(?:github\.com/[\w.-]+/[\w.-]+/(?:issues|pull|commit|compare|actions/runs)/|(?:www\.)?buildkite\.com/|hud\.pytorch\.org/)"
)
_ISSUE_URL = re.compile(
    r"https?://github\.com/(?P<project>[\w.-]+/[\w.-]+)/(?:issues|pull)/(?P<number>\d{1,9})"
)


def read_html(text: str) -> RawPage:
    """The text of an HTML document, a line for each block; links to CI and GitHub stay."""
    reader = _Reader()
    reader.feed(escape_unclosed(text))
    reader.close()
    reader.end_line()
    project, number = "", None
    if match := _ISSUE_URL.match(reader.address):
        project, number = match["project"], int(match["number"])
    title = reader.title.strip() or next((line.text for line in reader.lines if line.text.strip()), "")
    return with_embedded_data(RawPage(tuple(reader.lines), title, project, number), reader.scripts)


def escape_unclosed(text: str) -> str:
    """Make text of comments and tags that never end: the parser searches to the end of the page for each."""
    for begin, end in (("<!--", "-->"), ("<", ">")):
        last = text.rfind(end) + 1
        text = text[:last] + text[last:].replace(begin, begin.replace("<", "&lt;"))
    return text


class _Reader(HTMLParser):
    """Collects lines; text in a code block keeps its line breaks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[RawLine] = []
        self.title = ""
        self.address = ""
        self._scripts: list[list[str]] = []
        self._parts: list[str] = []
        self._has_text = False
        self._started = 0
        self._ignored: list[str] = []
        self._code = 0
        self._level = 0
        self._in_title = False
        self._in_data = False
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._note_address(tag, values)
        self._in_title = self._in_title or (tag == "title" and not self.title)
        if tag in _IGNORED:
            self._ignored.append(tag)
            self._in_data = tag == "script" and values.get("type") == "application/json"
            self._scripts += [[]] if self._in_data else []
        elif tag in _BLOCKS or tag in _HEADINGS:
            self.end_line()
        self._level = int(tag[1]) if tag in _HEADINGS else self._level
        self._code += tag == "pre"
        if tag == "li":
            self._add("- ")
        elif tag in {"td", "th"}:
            self._add(" | ")
        elif tag == "input" and values.get("type") == "checkbox":
            self._add("[x] " if "checked" in values else "[ ] ")
        elif tag == "a":
            self._link = urljoin(_GITHUB, values.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"
        self._in_data = self._in_data and tag != "script"
        if tag in self._ignored:
            while self._ignored and self._ignored.pop() != tag:
                pass
            return
        if tag == "a":
            self._end_link()
        if tag in _BLOCKS or tag in _HEADINGS:
            self.end_line()
        self._level = 0 if tag in _HEADINGS else self._level
        self._code = max(self._code - (tag == "pre"), 0)

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self._scripts[-1].append(data)
        if self._in_title:
            self.title += data
        if not self._code:
            self._add(re.sub(r"\s+", " ", data))
            return
        first, *rest = data.split("\n")
        self._add(first)
        for part in rest:
            self.end_line()
            self._add(part)

    def end_line(self) -> None:
        """End the line that is being collected."""
        text = "".join(self._parts)
        if text.strip():
            place = f"line {self._started}"
            self.lines.append(RawLine(text, place, self._level, code=self._code > 0))
        self._parts, self._has_text = [], False

    @property
    def scripts(self) -> list[str]:
        """The data that are embedded in the page."""
        return ["".join(parts) for parts in self._scripts]

    def _add(self, text: str) -> None:
        if self._ignored or not text:
            return
        if not self._has_text:
            self._started = self.getpos()[0]
        self._has_text = self._has_text or not text.isspace()
        self._parts.append(text)

    def _end_link(self) -> None:
        shown = "".join(self._parts[-1:])
        if _KEPT_LINK.match(self._link) and self._link not in shown:
            self._add(f" ({self._link})")
        self._link = ""

    def _note_address(self, tag: str, values: dict[str, str]) -> None:
        if tag == "link" and values.get("rel") == "canonical":
            self.address = values.get("href", "")
        elif tag == "meta" and values.get("property") == "og:url":
            self.address = self.address or values.get("content", "")
