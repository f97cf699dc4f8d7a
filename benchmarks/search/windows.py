"""Known culprits of a real history: its commits, one JSON object a line, and ranges around the culprits."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Window:
    """A linear range; its commits are numbered from 1, the bad end is the last."""

    candidates: int
    culprit: int


def windows(history: Path, cases: Path) -> list[Window]:
    """The range of every case.

    Raises:
        ValueError: a culprit is not on the first-parent line between its ends.
    """
    with gzip.open(history, "rt", encoding="utf-8") as lines:
        older = {commit["sha"]: next(iter(commit["parents"]), "") for commit in map(json.loads, lines)}
    return [_window(older, case) for case in json.loads(cases.read_text(encoding="utf-8"))]


def _window(older: Mapping[str, str], case: Mapping[str, Any]) -> Window:
    newest_first = []
    sha = case["bad"]
    while sha and sha != case["good"]:
        newest_first.append(sha)
        sha = older[sha]
    if not sha or case["culprit"] not in newest_first:
        raise ValueError(f"{case['culprit']} does not lie on the line from {case['good']} to {case['bad']}")
    return Window(len(newest_first), len(newest_first) - newest_first.index(case["culprit"]))
