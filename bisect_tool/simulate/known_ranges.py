"""Read the input of `simulate`: a recorded history, and ranges with a known culprit.

The history has one JSON object per line: `sha`, `parents`, `time` (seconds since 1970), `subject`, `files`;
it may be compressed with gzip. The cases are a JSON list of objects: `good`, `bad`, `culprit`.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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


_SHOWN = 5
_CASES = TypeAdapter(tuple[RecordedCase, ...])


def read_history(path: Path) -> Mapping[str, RecordedCommit]:
    """Return the commits of the file by id; raises UsageError if the file is not a history.

    A parent need not be in the file, but a commit must not occur twice or be its own ancestor.
    """
    commits: dict[str, RecordedCommit] = {}
    lines_of: dict[str, int] = {}
    number = 0
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    commit = RecordedCommit.model_validate_json(line)
                    first_line = lines_of.setdefault(commit.sha, number)
                    if first_line != number:
                        raise UsageError(
                            f"{path}: line {number} repeats {_short(commit.sha)} of line {first_line}",
                            "List each commit once.",
                        )
                    commits[commit.sha] = commit
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise UsageError(
            f"cannot read the history {path}: {error}", "Use a .jsonl or .jsonl.gz file."
        ) from error
    except ValidationError as error:
        raise UsageError(
            f"{path}: line {number} is not a commit: {error.errors()[0]['msg']}",
            "Each line must be an object with sha, parents, time, subject and files.",
        ) from error
    if cycle := _find_cycle(commits):
        raise UsageError(
            f"{path}: {_short(cycle[0])} (line {lines_of[cycle[0]]}) is its own ancestor: "
            f"{' -> '.join(map(_short, cycle[:_SHOWN]))}{' -> ...' if len(cycle) > _SHOWN else ''}",
            "A commit's parents must be older than the commit.",
        )
    return commits


def read_cases(path: Path) -> tuple[RecordedCase, ...]:
    """Return the cases of the file; raises UsageError if it has none."""
    try:
        cases = _CASES.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the cases {path}: {error}", "Use a .json file.") from error
    except ValidationError as error:
        raise UsageError(
            f"{path} is not a list of cases: {error.errors()[0]['msg']}",
            "Each case must be an object with good, bad and culprit.",
        ) from error
    if not cases:
        raise UsageError(f"{path} has no cases", "Each case must be an object with good, bad and culprit.")
    return cases


def window(history: Mapping[str, RecordedCommit], case: RecordedCase) -> tuple[RecordedCommit, ...]:
    """Return the ancestors of `bad` that are not ancestors of `good`, oldest first.

    Raises:
        UsageError: a commit of the case is not in the history, good is not an ancestor of bad, or the culprit
            is not in the range. It names a commit whose parent is missing, if that may be the reason.
    """
    for sha in (case.good, case.bad, case.culprit):
        if sha not in history:
            raise UsageError(f"{_short(sha)} is not in the history", "Use cases that belong to this history.")
    ancestors = _reached(history, case.bad)
    inside = ancestors - _reached(history, case.good)
    if case.good not in ancestors:
        raise _missing_parent_error(
            history,
            inside,
            f"good {_short(case.good)} is not an ancestor of bad {_short(case.bad)}",
            "Use a good and a bad commit of the same history.",
        )
    if case.culprit not in inside:
        raise _missing_parent_error(
            history,
            inside,
            f"{_short(case.culprit)} does not lie between {_short(case.good)} and {_short(case.bad)}",
            "The culprit must be bad or an ancestor of bad, and not an ancestor of good.",
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


def _missing_parent_error(
    history: Mapping[str, RecordedCommit], inside: Iterable[str], wrong: str, advice: str
) -> UsageError:
    """Return the error, with the newest commit of the range whose parent is missing, if there is one.

    A missing parent alone is not an error: a branch may start before the file's first commit.
    """
    incomplete = [
        history[sha] for sha in inside if any(parent not in history for parent in history[sha].parents)
    ]
    if not incomplete:
        return UsageError(wrong, advice)
    newest = max(incomplete, key=lambda commit: commit.time)
    missing = next(parent for parent in newest.parents if parent not in history)
    return UsageError(
        f"{wrong}: {_short(missing)}, a parent of {_short(newest.sha)}, is not in the history",
        "The history must have every commit from good to bad, with the ids of its parents.",
    )


def _find_cycle(history: Mapping[str, RecordedCommit]) -> tuple[str, ...]:
    """Return a cycle of parents, if there is one."""
    visited: set[str] = set()
    for sha in history:
        path = {sha: None}
        stack = [(sha, iter(history[sha].parents))] if sha not in visited else []
        while stack:
            current, parents = stack[-1]
            parent = next(parents, None)
            if parent is None:
                visited.add(current)
                path.pop(current)
                stack.pop()
            elif parent in path:
                names = list(path)
                return (*names[names.index(parent) :], parent)
            elif parent in history and parent not in visited:
                path[parent] = None
                stack.append((parent, iter(history[parent].parents)))
    return ()


def _short(sha: str) -> str:
    return clean_line(sha, 200)[:12]
