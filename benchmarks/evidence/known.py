"""Logs whose root is known: the root found, and the right one.

A folder holds `NAME.log` beside `NAME.json`, of which `match` is a regular expression for the root's headline
and `role_match` one for the process.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.evidence.answers import answer
from benchmarks.evidence.wrappers import WRAPPERS
from benchmarks.search.output import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bisect_tool.evidence import Failure

_CUT = 70


@dataclass(frozen=True)
class Known:
    """A log and the truth about it."""

    name: str
    text: str
    root: str
    match: re.Pattern[str]
    role: re.Pattern[str]

    def is_root(self, failure: Failure | None) -> bool:
        """Whether a failure has the right root."""
        return failure is not None and bool(self.match.search(failure.root.headline))

    def is_process(self, failure: Failure | None) -> bool:
        """Whether a failure has the right root, of the right process."""
        return failure is not None and self.is_root(failure) and bool(self.role.search(failure.root.role))


def read(folder: Path) -> tuple[Known, ...]:
    """The logs of a folder."""
    return tuple(
        Known(
            path.stem,
            path.with_suffix(".log").read_text(encoding="utf-8", errors="replace"),
            truth["truth_root"],
            re.compile(truth["match"]),
            re.compile(truth["role_match"]),
        )
        for path in sorted(folder.glob("*.json"))
        if (truth := json.loads(path.read_text(encoding="utf-8")))
    )


def elsewhere(text: str) -> str:
    """The same failure on another day, machine, user and rank, with other pids, ports and addresses."""
    changes: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
        (r"\bpid[= ](\d+)", lambda found: found[0].replace(found[1], str(int(found[1]) + 1371))),
        (r"\b(\d\d):(\d\d):(\d\d)\b", lambda found: f"{(int(found[1]) + 5) % 24:02}:{found[2]}:{found[3]}"),
        (r"\b(20\d\d-\d\d-)(\d\d)\b", lambda found: f"{found[1]}{int(found[2]) % 28 + 1:02}"),
        (r"\b([A-Z]+ \d\d-)(\d\d) ", lambda found: f"{found[1]}{int(found[2]) % 28 + 1:02} "),
        (r"\b(?:gpu-host|node-[a-z])\b", lambda _: "node-zz"),
        (r"/(?:home/\w+|root)/", lambda _: "/home/someone/"),
        (r"\b0x([0-9a-f]+)", lambda found: hex(int(found[1], 16) + 4096)),
        (r"\b(\d+\.\d+)\.\d+\.\d+\b", lambda found: f"{found[1]}.9.9"),
    )
    for pattern, change in changes:
        text = re.sub(pattern, change, text)
    return text


def known_table(logs: Sequence[Known]) -> str:
    """A row for every log, and how many are right."""
    found = [(log, answer(log.text)) for log in logs]
    signatures = [str(each.failure.signature) if each else "" for _, each in found]
    rows = []
    for (log, each), signature in zip(found, signatures, strict=True):
        failure = each.failure if each else None
        again = answer(elsewhere(log.text))
        stable = again is not None and str(again.failure.signature) == signature
        marks = log.is_root(failure), log.is_process(failure), stable, signatures.count(signature) == 1
        observed = f"{failure.root.role}: {failure.root.headline}" if failure else "no failure"
        rows.append(
            (log.name, _cell(log.root), _cell(observed), *("yes" if mark else "NO" for mark in marks))
        )
    sums = [sum(row[at] == "yes" for row in rows) for at in range(3, 7)]
    total = ("all", "", "", *(f"{count} of {len(rows)}" for count in sums))
    return table(("log", "expected", "answered", "root", "process", "stable", "distinct"), [*rows, total])


def wrapper_table(logs: Sequence[Known]) -> str:
    """How many of the logs that are right without a prefix are also right with each collector's prefix."""
    right = [log for log in logs if (bare := answer(log.text)) and log.is_root(bare.failure)]
    return table(("prefix", "right", "lost"), _wrapped(right))


def _wrapped(logs: Sequence[Known]) -> Iterator[tuple[str, str, str]]:
    for name, wrap in WRAPPERS.items():
        found = [(log, answer(wrap(log.text))) for log in logs]
        lost = [log.name for log, each in found if each is None or not log.is_root(each.failure)]
        yield name, f"{len(logs) - len(lost)} of {len(logs)}", ", ".join(lost)


def _cell(text: str) -> str:
    text = text.replace("|", "\\|")
    return text if len(text) <= _CUT else f"{text[: _CUT - 3]}..."
