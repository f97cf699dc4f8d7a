"""A history in a file, and ranges of it whose culprit is known: what `simulate` plays on.

The history has one JSON object a line: `sha`, `parents`, `time` (seconds since 1970), `subject`, `files`; it
may be compressed with gzip. The cases are a JSON list of objects: `good`, `bad`, `culprit`.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class RecordedCommit(_Model):
    """One line of a history."""

    sha: str
    parents: tuple[str, ...]
    time: int
    subject: str = ""
    files: tuple[str, ...] = ()


class RecordedCase(_Model):
    """A range, and the commit that broke something in it."""

    good: str
    bad: str
    culprit: str


_CASES = TypeAdapter(tuple[RecordedCase, ...])


def read_history(path: Path) -> Mapping[str, RecordedCommit]:
    """Every commit of the file by its name; raises UsageError where the file is no history."""
    commits: dict[str, RecordedCommit] = {}
    number = 0
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    commit = RecordedCommit.model_validate_json(line)
                    commits[commit.sha] = commit
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise UsageError(
            f"cannot read the history {path}: {error}", "Name a .jsonl or .jsonl.gz file."
        ) from error
    except ValidationError as error:
        raise UsageError(
            f"{path}: line {number} is no commit: {error.errors()[0]['msg']}",
            "Each line is an object with sha, parents, time, subject and files.",
        ) from error
    return commits


def read_cases(path: Path) -> tuple[RecordedCase, ...]:
    """The cases of the file; raises UsageError where it holds none."""
    try:
        cases = _CASES.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the cases {path}: {error}", "Name a .json file.") from error
    except ValidationError as error:
        raise UsageError(
            f"{path} is no list of cases: {error.errors()[0]['msg']}",
            "Each is an object with good, bad and culprit.",
        ) from error
    if not cases:
        raise UsageError(f"{path} has no cases", "Each is an object with good, bad and culprit.")
    return cases


def window(history: Mapping[str, RecordedCommit], case: RecordedCase) -> tuple[RecordedCommit, ...]:
    """The commits that `bad` has under it and `good` does not, oldest first.

    Raises:
        UsageError: a commit of the case is not in the history, or the culprit not in the range.
    """
    for sha in (case.good, case.bad, case.culprit):
        if sha not in history:
            raise UsageError(f"{sha[:12]} is not in the history", "Give cases of this very history.")
    inside = _reached(history, case.bad) - _reached(history, case.good)
    if case.culprit not in inside:
        raise UsageError(
            f"{case.culprit[:12]} does not lie between {case.good[:12]} and {case.bad[:12]}",
            "The culprit is an ancestor of bad, or bad itself, and no ancestor of good.",
        )
    return tuple(sorted((history[sha] for sha in inside), key=lambda commit: commit.time))


def _reached(history: Mapping[str, RecordedCommit], sha: str) -> set[str]:
    seen = {sha}
    stack = [sha]
    while stack:
        for parent in history[stack.pop()].parents:
            if parent in history and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen
