"""Adds trials to a store in child processes and kills these at random moments.

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

MAX_DELAY_S = 0.08


def numbered(number: int) -> TrialResult:
    """A recognisable trial, large enough to take several pages of the database."""
    cell = CellResult(cell="cell", outcome=Outcome.ERRORED, reason=f"{number} " * 3000)
    started = "2026-03-06T00:00:00+00:00"
    return TrialResult(sha=str(number), cells=(cell,), outcome=Outcome.ERRORED, started=started, seconds=1.0)


def add_forever(store: Path, session: str, first: int, pipe_fd: int) -> None:
    opened = Store(store)
    number = first
    while True:
        opened.add(session, "narrow", numbered(number))
        os.write(pipe_fd, f"{number}\n".encode())
        number += 1


def killed_once(store: Path, session: str, first: int, seconds: float) -> list[int]:
    """The numbers for which `add` returned in a process that is killed `seconds` after its first one."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        add_forever(store, session, first, writable)
    os.close(writable)
    select.select([readable], [], [], 60.0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(readable, "rb") as pipe:
        return [int(line) for line in pipe.read().splitlines()]


def main() -> None:
    store, session, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    rng = random.Random(seed)  # noqa: S311
    returned: list[int] = []
    for kill in range(kills):
        returned += killed_once(store, session, 10_000 * (kill + 1), rng.uniform(0.0, MAX_DELAY_S))
    sys.stdout.write(json.dumps(returned))


if __name__ == "__main__":
    main()
