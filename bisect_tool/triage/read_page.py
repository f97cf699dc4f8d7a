"""Turn what was saved, in whatever form, into a page."""

from __future__ import annotations

import re

from bisect_tool.sanitise import clean
from bisect_tool.triage.html_page import read_html
from bisect_tool.triage.json_page import read_json
from bisect_tool.triage.page import Page, assemble
from bisect_tool.triage.text_page import read_text

_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|div|article)\b",
    re.IGNORECASE | re.DOTALL,
)


def read_page(text: str) -> Page:
    """The page that a text holds: HTML, JSON of GitHub's or Buildkite's API, Markdown or plain text."""
    text = clean(text.removeprefix("\ufeff"))
    if is_json(text) and (found := read_json(text)):
        return assemble(found)
    return assemble(read_html(text) if is_html(text) else read_text(text))


def is_html(text: str) -> bool:
    """Whether a text begins as HTML does."""
    return _HTML.match(text) is not None


def is_json(text: str) -> bool:
    """Whether a text begins as JSON does."""
    return text.lstrip().startswith(("{", "["))
