"""Adds trials to a store in processes of its own and kills them, at random moments, in the middle of it.

    python adders.py STORE SESSION KILLS SEED

Prints the numbers of the trials for which `add` had returned, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from bisect_tool.session.store import Store
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

LONGEST_S = 0.08


def numbered(number: int) -> TrialResult:
    """A trial that can be recognised; large, so that writing it takes more than one page."""
    cell = CellResult(cell="cell", outcome=Outcome.ERRORED, reason=f"{number} " * 3000)
    started = "2026-03-06T00:00:00+00:00"
    return TrialResult(sha=str(number), cells=(cell,), outcome=Outcome.ERRORED, started=started, seconds=1.0)


def add_without_end(store: Path, session: str, first: int, told: int) -> None:
    opened = Store(store)
    number = first
    while True:
        opened.add(session, "narrow", numbered(number))
        os.write(told, f"{number}\n".encode())
        number += 1


def killed_once(store: Path, session: str, first: int, seconds: float) -> list[int]:
    """The numbers for which `add` returned in a process that is killed so long after it is ready to add."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        add_without_end(store, session, first, writable)
    os.close(writable)
    select.select([readable], [], [], 60.0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(readable, "rb") as pipe:
        return [int(line) for line in pipe.read().splitlines()]


def main() -> None:
    store, session, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    chance = random.Random(seed)  # noqa: S311
    returned: list[int] = []
    for kill in range(kills):
        returned += killed_once(store, session, 10_000 * (kill + 1), chance.uniform(0.0, LONGEST_S))
    sys.stdout.write(json.dumps(returned))


if __name__ == "__main__":
    main()
