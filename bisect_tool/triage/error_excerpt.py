"""The error that a page quotes, read by the reader of logs. Pure."""

from __future__ import annotations

import re
from itertools import groupby, islice
from typing import TYPE_CHECKING

from bisect_tool.evidence import LogLine, explain_log, is_symptom
from bisect_tool.triage.facts import Excerpt
from bisect_tool.triage.sentences import source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.triage.facts import Certainty
    from bisect_tool.triage.page import Line, Page

_ERROR = re.compile(
    r"\b(?:errors?|logs?|traceback|stack ?trace|output|exception|failure message|observed)\b", re.IGNORECASE
)
_LINES = 40
_BLOCKS = 50


def find_error(page: Page) -> Excerpt | None:
    """The first quoted block in which a failure is found: code, sections about errors, else the prose."""
    mine = [line for line in page.lines if line.pull is None]
    for sure, block in islice(_blocks(mine), _BLOCKS):
        if found := _read(block, sure):
            return found
    return None


def _blocks(lines: Sequence[Line]) -> Iterator[tuple[Certainty, list[Line]]]:
    """Blocks of lines, each with how sure it is that they are a quoted log."""
    for (_, code), block in groupby(lines, key=lambda line: (line.section, line.code)):
        quoted = list(block)
        if code or _ERROR.search(quoted[0].section):
            yield "stated", [line for line in quoted if line.text != line.section]
    yield "guess", [line for line in lines if not line.code]


def _read(block: Sequence[Line], sure: Certainty) -> Excerpt | None:
    found = explain_log(LogLine("page", 0.0, line.text, number) for number, line in enumerate(block, 1))
    if not found:
        return None
    failure = found[0].failure
    root = failure.root
    at = min(max(root.line, 1), len(block))
    shown = block if len(block) <= _LINES else block[max(at - 10, 0) : max(at - 10, 0) + _LINES]
    text = "\n".join(line.text for line in shown) if sure == "stated" else block[at - 1].text
    return Excerpt(
        headline=f"{root.role}: {root.headline}".strip(": ") or root.kind,
        signature=str(failure.signature),
        symptom=is_symptom(root),
        text=text,
        certainty=sure,
        source=source(block[at - 1]),
    )
