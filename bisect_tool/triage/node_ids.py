"""Find the ids of tests in text and in shell commands. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = r"(?:(?!-)[\w.-]+/)*(?:test_\w+|\w+_test|tests?)\.py"
_PARAMETERS = r"\[(?:[^\[\]\n]|\[[^\[\]\n]*\]){1,300}\]"
_NODE = re.compile(
    rf"(?<![\w/.-])/?(?P<file>{_FILE})"
    rf"(?:::?(?P<names>(?:[A-Z]\w*(?:::|\.))*test\w*(?:{_PARAMETERS})?|[A-Z]\w*)|::\{{(?P<several>[^{{}}\n]{{1,500}})\}})?"
)
_REPORTED = re.compile(
    rf"\s*(?:FAILED|ERROR)\s+(?P<file>(?:(?!-)[\w.-]+/)*[\w.-]+\.py)::(?P<names>\w+(?:::\w+)*(?:{_PARAMETERS})?)"
)
_METHOD = re.compile(rf"(?<![\w:.])(?P<owner>[A-Z]\w*)(?:::|\.)(?P<name>test_\w+(?:{_PARAMETERS})?)")
_UNITTEST = re.compile(r"(?<![\w:.])(?P<name>test_\w+) \((?:__main__|[\w.]+)\.(?P<owner>[A-Z]\w*)\)")
_DOTTED = re.compile(r"(?<![\w:/.-])(?:\w+\.)*(?P<module>test_\w+)\.(?P<owner>[A-Z]\w*)\.(?P<name>test_\w+)")
_BARE = re.compile(rf"(?<![\w:./-])(?P<name>test_\w+(?:{_PARAMETERS})?)(?![\w/]|\.py|\.\w+\()")
_COMMAND = re.compile(
    r"(?:^|[`$>:]\s*|&&\s*|;\s*|\s)"
    r"(?P<command>(?:\([^()\n]*\)\s*(?:&&|;)\s*)?(?:(?:export\s+)?[A-Za-z_]\w*=\S*\s+(?:&&\s*)?|cd\s+\S+\s*(?:&&|;)\s*)*"
    r"(?:\S*python[\d.]*\s+(?:-m\s+)?(?:pytest|unittest|torch\.distributed\.run|\S*test\S*\.py)|pytest|torchrun|tox|nox)\b.*)"
)
_KEYWORD = re.compile(r"-k\s+(?P<quote>[\"'])?(?P<expression>(?(quote).*?(?=(?P=quote))|\S+))")
_MARK = re.compile(r"\s-m\s+(?P<mark>\w+)\b")
_COMMAND_LIMIT = 600


@dataclass(frozen=True)
class NodeId:
    """A test: its file, its name with class and parameters, or only one of the two."""

    file: str
    name: str
    start: int

    @property
    def text(self) -> str:
        """The id as pytest writes it."""
        return "::".join(part for part in (self.file, self.name) if part)


def node_ids(text: str) -> tuple[NodeId, ...]:
    """The tests that a line names, in order; a file counts where no test of it is named."""
    if report := _REPORTED.match(text):  # whatever pytest is configured to collect
        return (NodeId(report["file"], report["names"], report.start("file")),)
    found = list(_in_files(text))
    taken = [match.span() for match in _NODE.finditer(text)]
    for match in _DOTTED.finditer(text):
        found.append(NodeId(f"{match['module']}.py", f"{match['owner']}::{match['name']}", match.start()))
        taken.append(match.span())
    for pattern in (_UNITTEST, _METHOD, _BARE):
        for match in pattern.finditer(text):
            if any(start <= match.start() < end for start, end in taken):
                continue
            owner = match.groupdict().get("owner")
            found.append(NodeId("", f"{owner}::{match['name']}" if owner else match["name"], match.start()))
            taken.append(match.span())
    return tuple(sorted(found, key=lambda each: each.start))


def _in_files(text: str) -> Iterator[NodeId]:
    for match in _NODE.finditer(text):
        file = match["file"]
        if match["several"]:
            names = re.findall(rf"\w+(?:{_PARAMETERS})?", match["several"])
            yield from (NodeId(file, name, match.start()) for name in names)
        else:
            yield NodeId(file, (match["names"] or "").replace(".test", "::test"), match.start())


def test_command(text: str) -> str:
    """The shell command in a line that runs tests, or empty."""
    match = _COMMAND.search(text)
    if match is None or len(match["command"]) > _COMMAND_LIMIT or not node_ids(match["command"]):
        return ""
    command = match["command"].strip().rstrip("`").strip()
    opened = text[: match.start("command")].rstrip()[-1:]
    return command.partition(opened)[0].strip() if opened in {'"', "'"} else command


def keyword(command: str) -> str:
    """The expression of `-k` in a command of pytest, or empty."""
    match = _KEYWORD.search(command)
    return match["expression"] if match else ""


def marker(command: str) -> str:
    """The marker of `-m` in a command of pytest, or empty."""
    match = _MARK.search(command.partition("pytest")[2])
    return match["mark"] if match else ""
