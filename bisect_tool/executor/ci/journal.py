"""The jobs that a session started, on disk before they are: a session that is resumed finds them.

A file of JSON lines in the session's folder. A line that was cut by a crash is ignored.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "ci-jobs.jsonl"


@dataclass(frozen=True)
class Record:
    """What was started for a commit: a `call` without an `attempt` first, then the attempt that came of it.

    `run` is the run or build that was started, as far as it is known. `lost`: nothing came of the call.
    `canceled` is an attempt that was started and then canceled: it is no trial. `before` are the attempts
    that had ended before the call.
    """

    sha: str
    call: str = ""
    attempt: str = ""
    run: str = ""
    lost: bool = False
    canceled: str = ""
    before: tuple[str, ...] = ()


class Journal:
    """What was started, as far as it was written."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._records = list(_read(self._file))

    def add(self, record: Record) -> None:
        """Write a record to disk."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(record))}\n")
            file.flush()
            os.fsync(file.fileno())
        self._records.append(record)

    @property
    def attempts(self) -> frozenset[str]:
        """The attempts that were started and not canceled."""
        started = frozenset(each.attempt for each in self._records if each.attempt)
        return started - {each.canceled for each in self._records}

    @property
    def runs(self) -> dict[str, str]:
        """The commits that runs or builds were started for, by run or build."""
        return {each.run: each.sha for each in self._records if each.run}

    def before(self, sha: str) -> frozenset[str]:
        """The attempts that had ended at a commit before the latest call for it."""
        calls = [each for each in self._records if each.sha == sha and each.call]
        return frozenset(calls[-1].before) if calls else frozenset()

    def is_open(self, sha: str) -> bool:
        """Whether something was started for a commit of which no attempt is known yet."""
        calls = ends = 0
        for each in self._records:
            if each.sha == sha:
                calls += bool(each.call)
                ends += bool(each.attempt or each.lost)
        return calls > ends


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
