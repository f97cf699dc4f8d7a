"""Record the jobs that a session starts, before they start, so that a resumed session finds them.

A file of JSON lines in the session's folder. A line truncated by a crash is ignored.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FILE = "ci-jobs.jsonl"


@dataclass(frozen=True)
class Record:
    """A job started for a commit: first the `call` without an `attempt`, then the attempt that it created.

    `run` is the started run or build, if known. `lost`: the call created nothing. `canceled` is an attempt
    that was started, and canceled or deleted later: it is not a trial. `before` are the attempts that had
    ended before the call, and `newest` is the newest run that was dispatched before it, for any commit.
    """

    sha: str
    call: str = ""
    attempt: str = ""
    run: str = ""
    lost: bool = False
    canceled: str = ""
    before: tuple[str, ...] = ()
    newest: str = ""


class Journal:
    """The records of a session."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._records = list(_read(self._file))

    def add(self, record: Record) -> None:
        """Append a record; it is on disk when this returns."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            # A line of its own also after one that was cut.
            file.write(f"\n{json.dumps(asdict(record))}\n")
            file.flush()
            os.fsync(file.fileno())
        self._records.append(record)

    @property
    def attempts(self) -> frozenset[str]:
        """Return the attempts that were started, and neither canceled nor deleted."""
        started = frozenset(each.attempt for each in self._records if each.attempt)
        return started - {each.canceled for each in self._records}

    @property
    def runs(self) -> dict[str, str]:
        """Return the commits of the started runs or builds, by run or build."""
        return {each.run: each.sha for each in self._records if each.run}

    def knows(self, attempt: str) -> bool:
        """Whether an attempt was started, even if it was canceled or deleted later."""
        return any(each.attempt == attempt for each in self._records)

    def before(self, sha: str) -> frozenset[str]:
        """Return the attempts of a commit that had ended before the latest call for it."""
        return frozenset(self._latest_call(sha).before)

    def newest(self, sha: str) -> str:
        """Return the newest run before the latest call for a commit; empty if that dispatched none."""
        return self._latest_call(sha).newest

    def _latest_call(self, sha: str) -> Record:
        calls = (each for each in reversed(self._records) if each.sha == sha and each.call)
        return next(calls, Record(sha))

    def unfinished(self, used: Collection[str]) -> tuple[str, ...]:
        """Return the commit of each job that was started and is no trial yet, in the order of the starts.

        Args:
            used: the attempts that are trials.
        """
        left = self.attempts - {*used}
        found = [each.sha for each in self._records if each.attempt in left]
        called = dict.fromkeys(each.sha for each in self._records)
        return (*found, *(sha for sha in called if self.is_open(sha)))

    def is_open(self, sha: str) -> bool:
        """Whether a job was started for a commit whose attempt is not known yet."""
        return self._since_last_end(sha) != []

    def run(self, sha: str) -> str:
        """Return the run or build that was started for a commit, while its attempt is not known; or empty."""
        return next((each.run for each in reversed(self._since_last_end(sha)) if each.run), "")

    def _since_last_end(self, sha: str) -> list[Record]:
        """Return the records of the latest start at a commit, while its attempt is not known."""
        found: list[Record] = []
        for each in self._records:
            if each.sha == sha and (each.attempt or each.lost):
                found = []
            elif each.sha == sha and (each.call or each.run):
                found.append(each)
        return found


def _read(file: Path) -> list[Record]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(Record(**json.loads(line)))
        except (ValueError, TypeError):  # it was cut
            continue
    return found
