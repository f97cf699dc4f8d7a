"""Which tests the page says fail, and by which commands they are run. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bisect_tool.triage.facts import Fact, FailingTest
from bisect_tool.triage.node_ids import node_ids, test_command
from bisect_tool.triage.sentences import source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.triage.facts import Certainty
    from bisect_tool.triage.node_ids import NodeId
    from bisect_tool.triage.page import Line, Page

_SECTION = re.compile(
    r"\b(?:affected|failing|failed|broken|name of)\b.*\btests?\b|"
    r"\btests?\b.*\b(?:affected|failing|failed|broken)\b|\bfailing test\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(r"\bhistory\b", re.IGNORECASE)
_REPORT = re.compile(r"\s*(?:FAILED|ERROR)\s+\S*(?:\.py|::)")
_FAILS = re.compile(
    r"\bfail\w*\b|\bbroke\w*\b|\bhang\w*\b|\bflak\w*\b|\bcrash\w*\b|\bregress\w*\b", re.IGNORECASE
)
_PASSES = re.compile(r"\bpass(?:es|ed|ing)?\b|\bgreen\b|\bskip\w*\b", re.IGNORECASE)
_TESTS = 500
_STATED, _LIKELY, _MENTIONED = 0, 1, 2


@dataclass(frozen=True)
class _Hit:
    node: NodeId
    line: Line
    rank: int
    reason: str


def find_tests(page: Page) -> tuple[tuple[FailingTest, ...], tuple[Fact, ...]]:
    """The failing tests, from the most explicit lines only, and the commands that run tests."""
    hits = [hit for line in page.lines for hit in _hits(page, line)]
    if not hits:
        return (), ()
    best = min(hit.rank for hit in hits)
    files = {hit.node.file for hit in hits if hit.node.file}
    kept = _distinct([hit for hit in hits if hit.rank == best], files)
    return tuple(_test(hit, files) for hit in kept), tuple(_commands(page.lines))


def _hits(page: Page, line: Line) -> Iterator[_Hit]:
    rank, reason = _rank(page, line)
    for node in node_ids(line.text):
        if line.code and rank == _MENTIONED:
            continue  # a traceback names functions
        yield _Hit(node, line, rank, reason)


def _rank(page: Page, line: Line) -> tuple[int, str]:
    if _REPORT.match(line.text):
        return _STATED, "pytest reports that it failed"
    if line.pull is not None:
        return _MENTIONED, "the page mentions it"
    if _SECTION.search(line.section) and not _HISTORY.search(line.section):
        return _STATED, f"it is listed under {line.section!r}"
    if line.text == page.title and node_ids(line.text):
        return _LIKELY, "the title names it"
    if _FAILS.search(line.text) and not _PASSES.search(line.text):
        return _LIKELY, "a sentence says that it fails"
    return _MENTIONED, "the page mentions it"


def _distinct(hits: Sequence[_Hit], files: Iterable[str]) -> list[_Hit]:
    """Each test once; a file or a name without parameters is left out where a fuller id is there."""
    stems = {file.rpartition("/")[2].removesuffix(".py") for file in files}
    seen: dict[str, _Hit] = {}
    for hit in hits:
        named_like_file = not hit.node.file and hit.node.name.partition("[")[0] in stems
        if not named_like_file:
            seen.setdefault(hit.node.text, hit)
    first = list(islice(seen.values(), _TESTS))
    nodes = [hit.node for hit in first]
    names = Counter(_bare(node.name) for node in nodes)
    return [hit for hit in first if not _is_covered(hit.node, nodes, names)]


def _is_covered(node: NodeId, others: Sequence[NodeId], names: Counter[str]) -> bool:
    if node.file and not node.name:
        return any(_same_file(node.file, each.file) and each.name for each in others)
    if "[" not in node.name and names[_bare(node.name)] > 1:
        return any("[" in each.name and _bare(each.name) == _bare(node.name) for each in others) or (
            not node.file and any(each.file and each.name == node.name for each in others)
        )
    return not node.file and any(
        each.file and each.name.endswith(node.name) for each in others if each != node
    )


def _same_file(one: str, other: str) -> bool:
    return bool(one and other) and (one.endswith(other) or other.endswith(one))


def _bare(name: str) -> str:
    return name.partition("[")[0].rpartition("::")[2]


def _test(hit: _Hit, files: set[str]) -> FailingTest:
    node, sure = hit.node, _certainty(hit.rank)
    file, reason = node.file, hit.reason
    if not file and len({each.rpartition("/")[2] for each in files}) == 1:
        file = max(files, key=len)
        reason += ", and the page names one test file"
    return FailingTest(
        value=node.text, certainty=sure, reason=reason, source=source(hit.line), file=file, name=node.name
    )


def _certainty(rank: int) -> Certainty:
    return "stated" if rank == _STATED else "derived" if rank == _LIKELY else "guess"


def _commands(lines: Iterable[Line]) -> Iterator[Fact]:
    seen: set[str] = set()
    for line in lines:
        for text in (line.text,) if line.code else line.spans or (line.text,):
            command = test_command(text)
            if command and command not in seen and line.pull is None:
                seen.add(command)
                reason = "the page gives this command"
                yield Fact(value=command, certainty="stated", reason=reason, source=source(line))
