"""A situation, what the right answer to it is, and whether an answer is right."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project


@dataclass(frozen=True)
class Answer:
    """The result of one command: exit code, output, named culprits, findings."""

    exit_code: int
    text: str
    named: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The answer in a table's cell."""
        what = ", ".join(self.findings) or _first_line(self.text)
        names = " ".join(sha[:9] for sha in self.named)
        return f"exit {self.exit_code}: {what} {names}".rstrip()


@dataclass(frozen=True)
class Expected:
    """The right answer.

    Attributes:
        exits: exit codes that are right.
        culprit: the commit to be named; empty: none may be.
        or_none: naming no commit is also right.
        matches: regular expressions that the output must match, case ignored.
    """

    exits: tuple[int, ...] = (0,)
    culprit: str = ""
    or_none: bool = False
    matches: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The expectation in a table's cell."""
        exits = "/".join(map(str, self.exits))
        name = self.culprit[:9] + (" or none" if self.or_none else "") if self.culprit else "no name"
        words = "".join(f", output matches {pattern!r}" for pattern in self.matches)
        return f"exit {exits}: {name}{words}"

    def faults(self, answer: Answer) -> Iterator[str]:
        """What is wrong with an answer."""
        if answer.exit_code not in self.exits:
            yield f"exit code {answer.exit_code}"
        wrong = [sha for sha in answer.named if sha != self.culprit]
        if wrong:
            yield f"names {wrong[0][:9]}"
        if self.culprit and not self.or_none and self.culprit not in answer.named:
            yield f"does not name {self.culprit[:9]}"
        words = " ".join(answer.text.split())  # a table may have folded them
        for pattern in self.matches:
            if not re.search(pattern, words, re.IGNORECASE):
                yield f"does not match {pattern!r}"


@dataclass(frozen=True)
class Question:
    """One command line of a case, asked in `project`, and the right answer."""

    label: str
    project: Project
    arguments: tuple[str, ...]
    expected: Expected
    environment: dict[str, str] = field(default_factory=dict)
    within: str = "."

    def ask(self) -> Answer:
        """Run the command line, and read its answer."""
        done = self.project.run(self.arguments, self.environment, self.within)
        text = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        if done.returncode not in (0, 3, 4) or self.arguments[:1] in (("step",), ("plan",)):
            return Answer(done.returncode, text)
        document = json.loads(self.project.run(("report", "--json"), {}, ".").stdout)
        cells = document["cells"].values()
        named = {cell["culprit"]["sha"] for cell in cells if cell["finding"] == "culprit"}
        return Answer(done.returncode, text, tuple(named), tuple(cell["finding"] for cell in cells))


@dataclass(frozen=True)
class Case:
    """A situation: `make` builds its repositories and yields questions, each asked before the next."""

    name: str
    source: str
    make: Callable[[Callable[[str], Project]], Iterator[Question]]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:100]


def search(good: str, bad: str, *check: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The command line of a search with a plain command."""
    return ("--good", good, "--bad", bad, *options, "--", *check)
